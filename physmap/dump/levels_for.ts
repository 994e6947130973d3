/**
 * How many levels QEMU's map has.
 *
 * @module
 */

import { LEVEL_BITS } from "./qemu_entry.ts";

/**
 * How many levels a map of 64-bit addresses has.
 *
 * @param pageBits log2 of the page size, 8 to 16.
 * @returns 6, or 7 for pages of 256 or 512 bytes.
 */
export function levelsFor(pageBits: number): number {
  return Math.floor((64 - pageBits - 1) / LEVEL_BITS) + 1;
}
