/**
 * Faults: what an IOMMU has to say about an access that it refuses.
 *
 * @module
 */

import type { Access } from "./entry.ts";

/** Why an access was refused. The README has a table of which walker reports which. */
export type FaultKind =
  | "blocked"
  | "notMapped"
  | "readDenied"
  | "writeDenied"
  | "addressTooWide"
  | "nonCanonical"
  | "rootNotPresent"
  | "rootReserved"
  | "contextNotPresent"
  | "contextInvalid"
  | "contextReserved"
  | "modeReserved"
  | "entryNotPresent"
  | "entryReserved"
  | "writeWithoutRead"
  | "misalignedSuperpage"
  | "noLeaf"
  | "privilege"
  | "accessedClear"
  | "dirtyClear"
  | "tableOutsideMemory";

/** The `level` of a fault in a VT-d root entry. */
export const ROOT_LEVEL: number = -2;
/** The `level` of a fault in a VT-d context entry; also that of a fault in no entry. */
export const CONTEXT_LEVEL: number = -1;

/**
 * A fault as a translator reports it. Translators fill one object again and again: copy what is to
 * outlive the call.
 */
export class IommuFault {
  /** Why. */
  kind: FaultKind = "notMapped";
  /** First address of the page that was accessed. */
  address: number = 0.5;
  /** What the access wanted. */
  access: Access = 0;
  /** The IOMMU index of the access. */
  index = 0;
  /** Who made it: the source id of a device in front of guest tables, otherwise 0. */
  source = 0;
  /** The level of the entry that refused it: 0 is the last; or one of the two constants above. */
  level: number = CONTEXT_LEVEL;
  /** Address in guest memory of that entry; NaN if it lies nowhere. */
  entryAddress: number = NaN;
  /** The entry's low word, as far as it was read. */
  entryLow = 0;
  /** The entry's high word. */
  entryHigh = 0;
}
