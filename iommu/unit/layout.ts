/**
 * The block in the arena that the workers of one IOMMU share: the log of invalidations, the counter
 * that ids are drawn from, the register that holds the root of a guest's tables.
 *
 * @module
 */

import { LOG_BYTES } from "../iotlb/invalidations.ts";

/** Marks the block. */
export const MAGIC = 0x696f6d75;
/** Offsets in the block. */
export const UNIT = {
  log: 0,
  nextId: LOG_BYTES,
  root: LOG_BYTES + 8,
  magic: LOG_BYTES + 16,
} as const;
/** Bytes of the block. */
export const UNIT_BYTES: number = LOG_BYTES + 32;

/** Marks the block of a region that is bound to mapping tables. */
export const REGION_MAGIC = 0x696f6d72;
/** Offsets in a region's block; its bindings follow, one word for each index. */
export const REGION = { magic: 0, indexes: 4, target: 8, source: 12, bindings: 16 } as const;

/** A binding under which every access is refused. */
export const BLOCKED = 0;
/** A binding under which addresses pass as they are. Any other is the offset of a table's header. */
export const BYPASS = 1;
