/**
 * Range queries: the mappings of a range in order of their addresses.
 *
 * @module
 */

import { SPAN } from "../_pages.ts";
import { leafPage, PERM_MASK, TABLE } from "./layout.ts";

/** Loads the two words of an entry; an `Edit`, or a view of the table as it is. */
export interface Entries {
  /** The low word of an entry. */
  low(node: number, slot: number): number;
  /** The high word of an entry. */
  high(node: number, slot: number): number;
}

/** Takes one entry's part of a range: `pages` from `page` on, which lead to `target`. Ends the scan by `false`. */
export type VisitPages = (
  page: number,
  pages: number,
  target: number,
  perm: number,
  level: number,
) => boolean | void;

/**
 * Visits what a node maps of a range.
 *
 * @param entries Where to load the entries from.
 * @param node The node.
 * @param level Its level.
 * @param base The first page that it covers.
 * @param first First page of the range.
 * @param last Last page, inclusive.
 * @param visit Called for each entry in the order of the pages, clipped to the range.
 * @returns False if a visit ended the scan.
 */
export function scanNode(
  entries: Entries,
  node: number,
  level: number,
  base: number,
  first: number,
  last: number,
  visit: VisitPages,
): boolean {
  const span = SPAN[level]!;
  const from = Math.max(first, base);
  const to = Math.min(last, base + SPAN[level + 1]! - 1);
  for (let slot = Math.floor((from - base) / span); base + slot * span <= to; slot++) {
    const low = entries.low(node, slot);
    if (low === 0) continue;
    const start = base + slot * span;
    const high = entries.high(node, slot);
    if (low & TABLE) {
      if (!scanNode(entries, high, level - 1, start, first, last, visit)) return false;
      continue;
    }
    const page = Math.max(start, first);
    const pages = Math.min(start + span - 1, last) - page + 1;
    const target = leafPage(low, high) + page - start;
    if (visit(page, pages, target, low & PERM_MASK, level) === false) return false;
  }
  return true;
}

/** The first page of a range that is mapped, or -1. */
export function firstMapped(
  entries: Entries,
  node: number,
  level: number,
  base: number,
  first: number,
  last: number,
): number {
  let found = -1;
  scanNode(entries, node, level, base, first, last, (page) => {
    found = page;
    return false;
  });
  return found;
}
