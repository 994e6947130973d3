/**
 * Unmapping: removes a range from a table, in an edit. A large page of which only a part is removed is
 * split first; a node that becomes empty is unlinked as a whole.
 *
 * @module
 */

import type { PageRange } from "../addresses/page_run.ts";
import { FANOUT, SPAN } from "../addresses/pages.ts";
import { ENTRY_BIT } from "../kernel/layouts.ts";
import { leafHigh, leafLow, leafPage } from "./leaf.ts";
import type { TableEdit } from "./table_edit.ts";

/**
 * Plans the part of an unmapping that is in a node.
 *
 * @param edit Receives the changes.
 * @param range What to unmap.
 * @param node The node.
 * @param level Its level.
 * @param base The first page that it covers.
 * @returns Whether the node becomes empty, so that it can be unlinked as a whole.
 * @throws {ArenaExhaustedError} If there is no room to split a large page.
 */
export function planUnmap(
  edit: TableEdit,
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
    if (removeEntry(edit, range, node, slot, level, start, covered)) {
      edit.set(node, slot, 0, 0);
      emptied++;
    }
  }
  return emptied > 0 && emptied === used;
}

/** Plans one entry; returns whether it becomes 0. */
function removeEntry(
  edit: TableEdit,
  range: PageRange,
  node: number,
  slot: number,
  level: number,
  start: number,
  covered: boolean,
): boolean {
  const low = edit.low(node, slot);
  const high = edit.high(node, slot);
  if (low & ENTRY_BIT.POINTER) {
    if (covered) {
      retireTree(edit, high, level - 1);
      return true;
    }
    const mark = edit.mark;
    if (!planUnmap(edit, range, high, level - 1, start)) return false;
    edit.forgetFrom(mark); // no reader reaches the node's entries once it is unlinked
    edit.retired.push(high);
    return true;
  }
  if (covered) return true;
  const child = split(edit, low, high, level - 1);
  planUnmap(edit, range, child, level - 1, start);
  edit.setPointer(node, slot, child);
  return false;
}

/** A new node that maps what a large page mapped, in pages of the next smaller size. */
function split(edit: TableEdit, low: number, high: number, level: number): number {
  const child = edit.allocateNode();
  const page = leafPage(low, high);
  for (let slot = 0; slot < FANOUT; slot++) {
    const target = page + slot * SPAN[level]!;
    edit.set(child, slot, leafLow(target, low & ENTRY_BIT.PERMISSIONS), leafHigh(target));
  }
  return child;
}

/** Retires a node and all nodes below it, children first. */
export function retireTree(edit: TableEdit, node: number, level: number): void {
  for (let slot = 0; level > 0 && slot < FANOUT; slot++) {
    if (edit.low(node, slot) & ENTRY_BIT.POINTER) {
      retireTree(edit, edit.high(node, slot), level - 1);
    }
  }
  edit.retired.push(node);
}
