/**
 * The supported page sizes, and how large a map gets.
 *
 * @module
 */

import { DISPATCH, LEVEL_BITS, NODE_BYTES, SECTION } from "../kernel/layouts.ts";

/** Least supported log2 of the page size: 256 bytes. */
export const MIN_PAGE_BITS = 8;
/** Greatest supported log2 of the page size: 64 KiB. */
export const MAX_PAGE_BITS = 16;

/**
 * How many levels a map of 64-bit addresses has.
 *
 * @param pageBits log2 of the page size, 8 to 16.
 * @returns 6, or 7 for pages of 256 or 512 bytes.
 */
export function levelsFor(pageBits: number): number {
  return Math.floor((64 - pageBits - 1) / LEVEL_BITS) + 1;
}

/**
 * The bytes that a dispatch takes up in the arena.
 *
 * @param nodes How many nodes.
 * @param sections How many sections, the unassigned one included.
 * @param subpages How many subpage tables.
 * @param pageBits log2 of the page size.
 * @returns Bytes; the sum is exact and needs no padding.
 */
export function dispatchBytes(
  nodes: number,
  sections: number,
  subpages: number,
  pageBits: number,
): number {
  return DISPATCH.size + nodes * NODE_BYTES + sections * SECTION.size +
    subpages * 2 * 2 ** pageBits;
}
