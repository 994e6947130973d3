/**
 * The block in the arena that the workers of one IOMMU share, and the handle that names it.
 *
 * @module
 */

import type { SharedMemory } from "@guestmem/rcu";
import { aligned, bytes, CACHE_LINE, defineLayout } from "@guestmem/rcu/layout";
import { IommuError } from "../errors/iommu_error.ts";
import { LOG } from "../iotlb/invalidation_log.ts";

/** The block of a unit. */
export const UNIT = defineLayout({
  /** The log of invalidations. */
  log: aligned(CACHE_LINE, bytes(LOG.size)),
  /** The id that was drawn last. */
  lastId: "u64",
  /** The register that holds the root of a guest's tables. */
  root: "u64",
  /** {@linkcode UNIT_MAGIC}. */
  magic: "u32",
});

/** Marks the block of a unit. */
export const UNIT_MAGIC = 0x696f6d75;

/** What a worker attaches to an IOMMU with. Structured-cloneable. */
export interface IommuHandle {
  /** Distinguishes it from other handles. */
  readonly kind: "guestmem-iommu";
  /** Id of the arena. */
  readonly arena: string;
  /** Offset of the unit's block. */
  readonly offset: number;
}

/** Shared memory with an id, which handles carry: an `Arena`. */
export interface IdentifiedMemory extends SharedMemory {
  /** What other contexts attach to it with. */
  readonly handle: {
    /** The id. */
    readonly id: string;
  };
}

/** Throws unless a handle names a unit in `memory`. */
export function requireUnit(memory: IdentifiedMemory, handle: IommuHandle): void {
  const fail = (reason: string) =>
    new IommuError("FOREIGN_HANDLE", { action: "attach to an IOMMU", reason });
  if (handle?.kind !== "guestmem-iommu") throw fail("this is not the handle of one");
  if (handle.arena !== memory.handle.id) throw fail("it is in another arena");
  if (UNIT.magic.get(memory.u32, handle.offset) !== UNIT_MAGIC) {
    throw fail(`there is none at 0x${handle.offset.toString(16)}`);
  }
}
