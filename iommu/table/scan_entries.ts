/**
 * Range queries: the entries that map a range, in order of their addresses.
 *
 * @module
 */

import { SPAN } from "../addresses/pages.ts";
import { ENTRY_BIT } from "../kernel/layouts.ts";
import { leafPage } from "./leaf.ts";
import type { NodeWords } from "./node_words.ts";

/**
 * Receives one entry's part of a range: `pages` pages from `page` on, which map to `target`. Returning
 * `false` ends the scan.
 */
export type VisitPages = (
  page: number,
  pages: number,
  target: number,
  perm: number,
  level: number,
) => boolean | void;

/**
 * Visits the leaves of a node and of those below it that map part of a range.
 *
 * @param nodes Loads the entries.
 * @param node The node.
 * @param level Its level.
 * @param base The first page that it covers.
 * @param first First page of the range.
 * @param last Last page, inclusive.
 * @param visit Called for each leaf in page order, clipped to the range.
 * @returns False if a visit ended the scan.
 */
export function scanEntries(
  nodes: NodeWords,
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
    const low = nodes.low(node, slot);
    if (low === 0) continue;
    const start = base + slot * span;
    const high = nodes.high(node, slot);
    if (low & ENTRY_BIT.POINTER) {
      if (!scanEntries(nodes, high, level - 1, start, first, last, visit)) return false;
      continue;
    }
    const page = Math.max(start, first);
    const pages = Math.min(start + span - 1, last) - page + 1;
    const target = leafPage(low, high) + page - start;
    if (visit(page, pages, target, low & ENTRY_BIT.PERMISSIONS, level) === false) return false;
  }
  return true;
}

/** The first page of a range that is mapped, or -1. */
export function firstMapped(
  nodes: NodeWords,
  node: number,
  level: number,
  base: number,
  first: number,
  last: number,
): number {
  let found = -1;
  scanEntries(nodes, node, level, base, first, last, (page) => {
    found = page;
    return false;
  });
  return found;
}
