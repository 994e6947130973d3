/**
 * The walk in TypeScript: the kernel's is compared with it and measured against it. It takes the root
 * as an argument, so that a root published beside the dispatch can be tried out too.
 *
 * @module
 */

import {
  DISPATCH,
  LEVEL_BITS,
  NIL,
  NODE_ENTRIES,
  SECTION,
  SKIP_BITS,
  SKIP_MASK,
} from "../kernel/layouts.ts";
import { digit } from "../address/halves.ts";

const PAGE_BITS = DISPATCH.pageBits.offset / 4;
const LEVELS = DISPATCH.levels.offset / 4;
const SECTIONS_AT = DISPATCH.sectionsAt.offset / 4;
const FIRST = SECTION.first.offset / 4;
const LAST = SECTION.last.offset / 4;

/**
 * Walks a map from a root entry: the row that the address's page points at, or row 0 if that does
 * not cover the address. `words` is the arena's `i32`: V8 does best with signed words throughout.
 */
export function walkFrom(
  words: Int32Array,
  dispatch: number,
  root: number,
  high: number,
  low: number,
): number {
  const header = dispatch >>> 2;
  const unassigned = dispatch + words[header + SECTIONS_AT]!;
  const nodes = header + DISPATCH.size / 4;
  let entry = root | 0;
  let shift = words[header + PAGE_BITS]! + LEVEL_BITS * words[header + LEVELS]!;
  while (entry & SKIP_MASK) {
    const node = entry >>> SKIP_BITS;
    if (node === NIL) return unassigned;
    shift -= LEVEL_BITS * (entry & SKIP_MASK);
    entry = words[nodes + node * NODE_ENTRIES + digit(high, low, shift)]!;
  }
  const row = unassigned + (entry >>> SKIP_BITS) * SECTION.size;
  return covers(words, row >>> 2, high | 0, low | 0) ? row : unassigned;
}

/** Whether the section whose row starts at a word covers an address. */
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
