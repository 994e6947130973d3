/**
 * The guest pages of a range of host memory.
 *
 * @module
 */

import { exactNumber } from "../address/exact_number.ts";
import { readSlot, rowsOf } from "./slot_table.ts";
import { forEachShadow, type SlotsCore } from "./slots_core.ts";

/** Implements `Memslots.forEachInHostRange`. */
export function forEachInHostRange(
  { arena: { u32 }, pageBits }: SlotsCore,
  table: number,
  first: number | bigint,
  last: number | bigint,
  visit: (row: number, firstGfn: number, lastGfn: number) => void,
): void {
  const page = 2 ** pageBits;
  const firstHost = exactNumber(first), lastHost = exactNumber(last);
  for (const row of rowsOf(u32, table)) {
    const { baseGfn, pages, host } = readSlot(u32, row);
    const from = Math.max(firstHost, host);
    const to = Math.min(lastHost, host + pages * page - 1);
    if (from > to) continue;
    const gfnOf = (address: number) => baseGfn + Math.floor((address - host) / page);
    visit(row, gfnOf(from), gfnOf(to));
  }
}

/** Implements `Memslots.flushHostRange`. */
export function flushHostRange(
  core: SlotsCore,
  table: number,
  first: number | bigint,
  last: number | bigint,
): number {
  let count = 0;
  forEachInHostRange(core, table, first, last, (_, firstGfn, lastGfn) => {
    forEachShadow(core, (shadow) => {
      count += core.kernel.shadowFlush(shadow, firstGfn, lastGfn - firstGfn + 1);
    });
  });
  return count;
}
