import type { MemoryRegion } from "../region/memory_region.ts";
import { join } from "../region/split64.ts";
import { RANGE_WORDS, RangeList, RangeWord } from "./range_list.ts";
import { render } from "./render.ts";

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
 * Reads one range from words.
 *
 * @param words The words, in shared memory or not.
 * @param at Index of the range's first word.
 * @param region The region whose id the words name.
 */
export function readRange(words: Uint32Array, at: number, region: MemoryRegion): FlatRange {
  return {
    first: join(words[at + RangeWord.FIRST_HI]!, words[at + RangeWord.FIRST_LO]!),
    last: join(words[at + RangeWord.LAST_HI]!, words[at + RangeWord.LAST_LO]!),
    offset: join(words[at + RangeWord.OFFSET_HI]!, words[at + RangeWord.OFFSET_LO]!),
    region,
    flags: words[at + RangeWord.FLAGS]!,
  };
}

/**
 * What an address space whose physical root is `root` shows now, published or not.
 *
 * @param root A physical root, or null for the empty view.
 * @returns The ranges by rising address.
 * @throws {RenderLimitError} If the tree nests without end.
 */
export function renderRanges(root: MemoryRegion | null): FlatRange[] {
  const list = new RangeList();
  render(root, list);
  return list.rowRegions().map((region, i) => readRange(list.rows, i * RANGE_WORDS, region));
}
