/**
 * Unmapping: takes a range out of a table, in an edit. A large page of which only a part goes is
 * split first; a node that gets empty goes as a whole.
 *
 * @module
 */

import { FANOUT, SPAN } from "../_pages.ts";
import type { Edit } from "./edit.ts";
import { leafHigh, leafLow, leafPage, PERM_MASK, TABLE } from "./layout.ts";

/** A range of pages, both ends in it. */
export interface PageRange {
  /** First page. */
  readonly first: number;
  /** Last page, inclusive. */
  readonly last: number;
}

/**
 * Plans the part of an unmapping that lies in a node.
 *
 * @param edit Takes what is to be changed.
 * @param range What is to be unmapped.
 * @param node The node.
 * @param level Its level.
 * @param base The first page that it covers.
 * @returns Whether nothing of the node is left, so that it can be unlinked as a whole.
 * @throws {ArenaExhaustedError} If there is no room to split a large page.
 */
export function planUnmap(
  edit: Edit,
  range: PageRange,
  node: number,
  level: number,
  base: number,
): boolean {
  const span = SPAN[level]!;
  const from = Math.max(range.first, base);
  const to = Math.min(range.last, base + SPAN[level + 1]! - 1);
  const used = edit.count(node);
  let emptied = 0;
  for (let slot = Math.floor((from - base) / span); base + slot * span <= to; slot++) {
    const low = edit.low(node, slot);
    if (low === 0) continue;
    const start = base + slot * span;
    const covered = range.first <= start && start + span - 1 <= range.last;
    if (takeOut(edit, range, node, slot, level, start, covered)) {
      edit.set(node, slot, 0, 0);
      emptied++;
    }
  }
  return emptied > 0 && emptied === used;
}

/** Plans one entry; returns whether it is to become 0. */
function takeOut(
  edit: Edit,
  range: PageRange,
  node: number,
  slot: number,
  level: number,
  start: number,
  covered: boolean,
): boolean {
  const low = edit.low(node, slot);
  const high = edit.high(node, slot);
  if (low & TABLE) {
    if (covered) {
      retireTree(edit, high, level - 1);
      return true;
    }
    const mark = edit.mark;
    if (!planUnmap(edit, range, high, level - 1, start)) return false;
    edit.forgetFrom(mark); // nobody reaches the node's entries once the node is unlinked
    edit.retired.push(high);
    return true;
  }
  if (covered) return true;
  const child = split(edit, low, high, level - 1);
  planUnmap(edit, range, child, level - 1, start);
  edit.setTable(node, slot, child);
  return false;
}

/** A new node that maps what a large page did, in pages of the next smaller size. */
function split(edit: Edit, low: number, high: number, level: number): number {
  const child = edit.allocateNode();
  const page = leafPage(low, high);
  for (let slot = 0; slot < FANOUT; slot++) {
    const target = page + slot * SPAN[level]!;
    edit.set(child, slot, leafLow(target, low & PERM_MASK), leafHigh(target));
  }
  return child;
}

/** Retires a node and all below it. */
export function retireTree(edit: Edit, node: number, level: number): void {
  for (let slot = 0; level > 0 && slot < FANOUT; slot++) {
    if (edit.low(node, slot) & TABLE) retireTree(edit, edit.high(node, slot), level - 1);
  }
  edit.retired.push(node);
}
