import { SECTION } from "@guestmem/physmap";
import type { MemoryRegion } from "../region/memory_region.ts";

/** One range of a flat view: addresses that one region answers, alike and without a gap. */
export interface FlatRange {
  /** First address. */
  readonly first: bigint;
  /** Last address, inclusive. */
  readonly last: bigint;
  /** The region that answers. */
  readonly region: MemoryRegion;
  /** Offset in the region of the first address. */
  readonly offset: bigint;
  /** See {@linkcode RangeFlag}. */
  readonly flags: number;
}

/**
 * Reads one range.
 *
 * @param u32 The words, in shared memory or not.
 * @param base Byte address of the range.
 * @param region The region whose id the range names.
 */
export function readRange(u32: Uint32Array, base: number, region: MemoryRegion): FlatRange {
  return {
    first: SECTION.first.getBig(u32, base),
    last: SECTION.last.getBig(u32, base),
    offset: SECTION.offset.getBig(u32, base),
    region,
    flags: SECTION.flags.get(u32, base),
  };
}
