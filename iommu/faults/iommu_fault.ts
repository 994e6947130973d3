/**
 * Faults: why an IOMMU refused an access.
 *
 * @module
 */

/** What an access wants: 0 nothing (a query), 1 to read, 2 to write, 3 both. */
export type Access = IommuFault["access"];

/** See `IommuFault.ROOT_LEVEL`. */
export const ROOT_LEVEL = -2;
/** See `IommuFault.CONTEXT_LEVEL`. */
export const CONTEXT_LEVEL = -1;

/** A fault as a translator reports it. A translator reuses one object: copy what must outlive the call. */
export class IommuFault {
  /** The `level` of a fault in a VT-d root entry. */
  static readonly ROOT_LEVEL: number = ROOT_LEVEL;
  /** The `level` of a fault in a VT-d context entry, and of one that no entry caused. */
  static readonly CONTEXT_LEVEL: number = CONTEXT_LEVEL;

  /** Why the access was refused. REFERENCE.md has a table of which walker reports which. */
  kind:
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
    | "tableOutsideMemory" = "notMapped";
  /** First address of the page that was accessed. */
  address: number = 0.5; // Not an integer, so that the field holds doubles from the start.
  /** What the access wanted. */
  access: 0 | 1 | 2 | 3 = 0;
  /** The IOMMU index of the access. */
  index = 0;
  /** The source id of the device in front of guest tables; otherwise 0. */
  source = 0;
  /** The level of the entry that refused it: 0 is the last; or one of the two constants above. */
  level: number = CONTEXT_LEVEL;
  /** Address in guest memory of that entry; NaN if no entry of guest memory refused it. */
  entryAddress: number = NaN;
  /** The entry's low word, if it was read. */
  entryLow = 0;
  /** The entry's high word, if it was read. */
  entryHigh = 0;
}

/** Why an access was refused. */
export type FaultKind = IommuFault["kind"];
