// Memslots: guest pages to host addresses, and the dirty logs of slots.

import { applyRange, SET, takeRange } from "./bitmaps.as";
import {
  OUTCOME_NO_SLOT,
  OUTCOME_RETRY,
  SLOT_BASE,
  SLOT_FLAG_INVALID,
  SLOT_FLAGS,
  SLOT_HOST,
  SLOT_LOG,
  SLOT_PAGES,
  SLOT_SIZE,
  SLOT_TABLE_COUNT,
  SLOT_TABLE_ROWS,
} from "./layouts";

export function rowOf(table: usize, gfn: u64): usize {
  let low: u32 = 0;
  let high = load<u32>(table, SLOT_TABLE_COUNT);
  while (low < high) {
    const middle = (low + high) >>> 1;
    const base = load<u64>(table + usize(middle) * SLOT_SIZE, SLOT_TABLE_ROWS + SLOT_BASE);
    if (base <= gfn) low = middle + 1;
    else high = middle;
  }
  if (low == 0) return 0;
  const row = table + SLOT_TABLE_ROWS + usize(low - 1) * SLOT_SIZE;
  return gfn - load<u64>(row, SLOT_BASE) < load<u64>(row, SLOT_PAGES) ? row : 0;
}

/** The row of the slot that has a gfn, INVALID or not; 0 if there is none. */
export function findSlot(table: usize, gfn: f64): usize {
  return rowOf(table, u64(gfn));
}

export function hostOf(row: usize, gfn: u64, pageBits: u32): u64 {
  return load<u64>(row, SLOT_HOST) + ((gfn - load<u64>(row, SLOT_BASE)) << u64(pageBits));
}

/** The host address of a gfn; -1: no slot; -2: retry. */
export function gfnToHost(table: usize, gfn: f64, pageBits: u32): f64 {
  const row = rowOf(table, u64(gfn));
  if (!row) return OUTCOME_NO_SLOT;
  if (load<u32>(row, SLOT_FLAGS) & SLOT_FLAG_INVALID) return OUTCOME_RETRY;
  return f64(hostOf(row, u64(gfn), pageBits));
}

/** Marks a page in the log of its slot. */
export function logDirty(row: usize, gfn: f64): void {
  const page = u64(gfn) - load<u64>(row, SLOT_BASE);
  applyRange(usize(load<u32>(row, SLOT_LOG)), page, 1, SET);
}

/** Takes a slot's whole log into `into`; whether any page was dirty. */
export function takeLog(row: usize, into: usize): u32 {
  return u32(takeRange(usize(load<u32>(row, SLOT_LOG)), 0, load<u64>(row, SLOT_PAGES), into, 0));
}
