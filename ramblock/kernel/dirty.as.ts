// Dirty memory: the bitmaps of the clients, in chunks.

import { applyRange, CLEAR, SET, takeRange, TEST } from "./bitmaps.as";
import {
  DIRTY_TABLE_CHUNKS,
  DIRTY_TABLE_ENTRIES,
  DIRTY_TABLE_ENTRIES_STRIDE,
  RAM_CHUNK_BITS,
  RAM_DIRTY,
  RAM_LOG_EPOCH,
} from "./layouts";

function dirtyRange(ram: usize, client: u32, first: u64, count: u64, operation: u32): bool {
  const table = usize(atomic.load<u32>(ram, RAM_DIRTY));
  const shift = u64(load<u32>(ram, RAM_CHUNK_BITS));
  const chunks = client * load<u32>(table, DIRTY_TABLE_CHUNKS);
  const entries = table + DIRTY_TABLE_ENTRIES + usize(chunks) * DIRTY_TABLE_ENTRIES_STRIDE;
  const size = u64(1) << shift;
  let any = false;
  while (count > 0) {
    const bit = first & (size - 1);
    const part = min<u64>(count, size - bit);
    const chunk = usize(load<u32>(entries + usize(first >>> shift) * DIRTY_TABLE_ENTRIES_STRIDE));
    if (applyRange(chunk, bit, part, operation)) any = true;
    first += part;
    count -= part;
  }
  return any;
}

/** The log epoch: see `dirty_memory.ts`. */
export function logEpoch(ram: usize): f64 {
  return f64(atomic.load<u64>(ram, RAM_LOG_EPOCH));
}

export function bumpLogEpoch(ram: usize): void {
  atomic.add<u64>(ram, 1, RAM_LOG_EPOCH);
}

/** Number of pages that the bitmaps cover. */
export function dirtyPages(ram: usize): f64 {
  const table = usize(atomic.load<u32>(ram, RAM_DIRTY));
  return f64(u64(load<u32>(table, DIRTY_TABLE_CHUNKS)) << u64(load<u32>(ram, RAM_CHUNK_BITS)));
}

/** Sets the bit of one page for each of the clients in the mask. 0 if the page is not covered. */
export function setDirtyPage(ram: usize, page: f64, clients: u32): u32 {
  const number = u64(page);
  const table = usize(atomic.load<u32>(ram, RAM_DIRTY));
  const shift = u64(load<u32>(ram, RAM_CHUNK_BITS));
  const chunks = load<u32>(table, DIRTY_TABLE_CHUNKS);
  const index = number >>> shift;
  if (index >= u64(chunks)) return 0;
  const bit = number & ((u64(1) << shift) - 1);
  let entry = table + DIRTY_TABLE_ENTRIES + usize(index) * DIRTY_TABLE_ENTRIES_STRIDE;
  while (clients) {
    if (clients & 1) {
      atomic.or<u64>(usize(load<u32>(entry)) + usize(bit >>> 6 << 3), u64(1) << (bit & 63));
    }
    clients >>>= 1;
    entry += usize(chunks) * DIRTY_TABLE_ENTRIES_STRIDE;
  }
  return 1;
}

export function setDirty(ram: usize, first: f64, count: f64, clients: u32): void {
  for (let client: u32 = 0; clients; client++, clients >>>= 1) {
    if (clients & 1) dirtyRange(ram, client, u64(first), u64(count), SET);
  }
}

export function testDirty(ram: usize, client: u32, first: f64, count: f64): u32 {
  return u32(dirtyRange(ram, client, u64(first), u64(count), TEST));
}

export function testAndClearDirty(ram: usize, client: u32, first: f64, count: f64): u32 {
  return u32(dirtyRange(ram, client, u64(first), u64(count), CLEAR));
}

/** Takes the bits of a range, which begin at bit 0 of `into`; whether any was set. */
export function takeDirty(ram: usize, client: u32, first: f64, count: f64, into: usize): u32 {
  const table = usize(atomic.load<u32>(ram, RAM_DIRTY));
  const shift = u64(load<u32>(ram, RAM_CHUNK_BITS));
  const chunks = client * load<u32>(table, DIRTY_TABLE_CHUNKS);
  const entries = table + DIRTY_TABLE_ENTRIES + usize(chunks) * DIRTY_TABLE_ENTRIES_STRIDE;
  const size = u64(1) << shift;
  let page = u64(first);
  let left = u64(count);
  let at: u64 = 0;
  let any = false;
  while (left > 0) {
    const bit = page & (size - 1);
    const part = min<u64>(left, size - bit);
    const chunk = usize(load<u32>(entries + usize(page >>> shift) * DIRTY_TABLE_ENTRIES_STRIDE));
    if (takeRange(chunk, bit, part, into, at)) any = true;
    page += part;
    at += part;
    left -= part;
  }
  return u32(any);
}
