/**
 * The walk in TypeScript: the kernel's is compared with it and measured against it. It takes the root
 * as an argument, so that a root published beside the dispatch can be tried out too.
 *
 * @module
 */

import { digit } from "../address/halves.ts";
import { DISPATCH, HEIGHT_MASK, LEVEL_BITS, NODE_SLOTS, SECTION } from "../kernel/layouts.ts";

const FIRST = SECTION.first.offset / 4;
const LAST = SECTION.last.offset / 4;

/**
 * Walks a map from a root entry: the section of the address, or the unassigned one. `words` is the
 * arena's `i32`: V8 does best with signed words throughout.
 */
export function walkFrom(
  words: Int32Array,
  dispatch: number,
  root: number,
  high: number,
  low: number,
): number {
  let entry = root | 0;
  for (let height = entry & HEIGHT_MASK; height !== 0; height = entry & HEIGHT_MASK) {
    const slot = digit(high, low, (height - 1) * LEVEL_BITS, NODE_SLOTS - 1);
    entry = words[((entry & ~HEIGHT_MASK) >>> 2) + slot]!;
  }
  return entry !== 0 && covers(words, entry >>> 2, high | 0, low | 0)
    ? entry >>> 0
    : DISPATCH.unassigned.at(dispatch);
}

/** Whether the section that starts at a word covers an address. */
function covers(words: Int32Array, row: number, high: number, low: number): boolean {
  const firstHi = words[row + FIRST + 1]!;
  const lastHi = words[row + LAST + 1]!;
  const afterFirst = firstHi === high
    ? words[row + FIRST]! >>> 0 <= low >>> 0
    : firstHi >>> 0 < high >>> 0;
  const beforeLast = lastHi === high
    ? low >>> 0 <= words[row + LAST]! >>> 0
    : high >>> 0 < lastHi >>> 0;
  return afterFirst && beforeLast;
}
