// The kernel of package ramblock, in AssemblyScript. It is instantiated over the arena (RAM blocks,
// dirty bitmaps, memslots, shadow mappings) and over each window of guest RAM (eight-byte accesses,
// atomics, scrubbing).
//
// The constants come from `layouts.ts`. Numbers beyond 32 bits come in and go out as f64, exact to
// 2^53: callers check the range.

import {
  BLOCK_HOST,
  BLOCK_MAX_LENGTH,
  BLOCK_OFFSET,
  BLOCK_USED_LENGTH,
  DIRTY_TABLE_CHUNKS,
  DIRTY_TABLE_ENTRIES,
  DIRTY_TABLE_ENTRIES_STRIDE,
  OUTCOME_NO_SLOT,
  OUTCOME_READ_ONLY,
  OUTCOME_RETRY,
  RAM_CHUNK_BITS,
  RAM_DIRTY,
  RAM_LIST,
  RAM_LOG_EPOCH,
  RAM_MRU,
  RAM_VERSION,
  SHADOW_ENTRIES,
  SHADOW_ENTRY_HOST,
  SHADOW_ENTRY_SIZE,
  SHADOW_MASK,
  SHADOW_PAGE_BITS,
  SHADOW_PAGE_SIZE,
  SHADOW_PAGE_SLOTS,
  SLOT_BASE,
  SLOT_FLAG_INVALID,
  SLOT_FLAG_LOG_DIRTY,
  SLOT_FLAG_READONLY,
  SLOT_FLAGS,
  SLOT_HOST,
  SLOT_ID,
  SLOT_LOG,
  SLOT_PAGES,
  SLOT_SIZE,
  SLOT_TABLE_COUNT,
  SLOT_TABLE_ROWS,
} from "./layouts";

// ---- RAM blocks -------------------------------------------------------------------------------

// @ts-ignore: a decorator of AssemblyScript
@inline
function holds(block: usize, field: usize, position: u64): bool {
  return position - load<u64>(block + field) < load<u64>(block, BLOCK_MAX_LENGTH);
}

/**
 * The block of a ram_addr_t, or 0. The version is loaded before the MRU word and before the walk:
 * see `ramblock/explore/mru.ts`.
 */
export function findBlock(ram: usize, address: f64): usize {
  const wanted = u64(address);
  const version = atomic.load<u32>(ram, RAM_VERSION);
  const mru = atomic.load<u64>(ram, RAM_MRU);
  const recent = usize(u32(mru));
  if (u32(mru >>> 32) == version && recent != 0) {
    if (holds(recent, BLOCK_OFFSET, wanted)) return recent;
  }
  const block = walk(ram, BLOCK_OFFSET, wanted);
  if (block) atomic.store<u64>(ram, (u64(version) << 32) | u64(block), RAM_MRU);
  return block;
}

/** The block of a host address, or 0. It uses the MRU word, but does not store to it. */
export function findHost(ram: usize, host: f64): usize {
  const wanted = u64(host);
  const version = atomic.load<u32>(ram, RAM_VERSION);
  const mru = atomic.load<u64>(ram, RAM_MRU);
  const recent = usize(u32(mru));
  if (u32(mru >>> 32) == version && recent != 0) {
    if (holds(recent, BLOCK_HOST, wanted)) return recent;
  }
  return walk(ram, BLOCK_HOST, wanted);
}

/** The block of a ram_addr_t by the list alone, without the MRU word. */
export function walkBlocks(ram: usize, address: f64): usize {
  return walk(ram, BLOCK_OFFSET, u64(address));
}

function walk(ram: usize, field: usize, position: u64): usize {
  const head = usize(load<u32>(ram, RAM_LIST));
  let block = usize(atomic.load<u32>(head));
  while (block != head) {
    if (holds(block, field, position)) return block;
    block = usize(atomic.load<u32>(block));
  }
  return 0;
}

export function usedLength(block: usize): f64 {
  return f64(atomic.load<u64>(block, BLOCK_USED_LENGTH));
}

export function setUsedLength(block: usize, length: f64): void {
  atomic.store<u64>(block, u64(length), BLOCK_USED_LENGTH);
}

/** Invalidates every MRU word stored so far. The caller has unlinked or linked a block before. */
export function bumpVersion(ram: usize): u32 {
  const version = atomic.add<u32>(ram, 1, RAM_VERSION) + 1;
  atomic.store<u64>(ram, 0, RAM_MRU);
  return version;
}

// ---- cells ------------------------------------------------------------------------------------

export function load32(cell: usize): u32 {
  return atomic.load<u32>(cell);
}

export function store32(cell: usize, value: u32): void {
  atomic.store<u32>(cell, value);
}

export function add32(cell: usize, value: u32): u32 {
  return atomic.add<u32>(cell, value);
}

export function or32(cell: usize, value: u32): u32 {
  return atomic.or<u32>(cell, value);
}

export function and32(cell: usize, value: u32): u32 {
  return atomic.and<u32>(cell, value);
}

export function compareExchange32(cell: usize, expected: u32, value: u32): u32 {
  return atomic.cmpxchg<u32>(cell, expected, value);
}

// ---- bitmaps ----------------------------------------------------------------------------------

/** Bits [bit, bit + count) of one 64-bit word. */
// @ts-ignore: a decorator of AssemblyScript
@inline
function bits(bit: u32, count: u32): u64 {
  return (~u64(0) >>> (64 - u64(count))) << u64(bit);
}

/** The operations on the bits of one word. */
const SET: u32 = 0;
const CLEAR: u32 = 1;
const TEST: u32 = 2;

/**
 * Applies an operation to the bits of one word; whether any was set before. SET is a read-modify-write
 * even if the bits are set: see `dirty_memory.ts`.
 */
function apply(word: usize, mask: u64, operation: u32): bool {
  if (operation == SET) return (atomic.or<u64>(word, mask) & mask) != 0;
  if (operation == TEST) return (atomic.load<u64>(word) & mask) != 0;
  // The bit is clear, so no write was handed over, and there is nothing to acquire.
  if ((atomic.load<u64>(word) & mask) == 0) return false;
  return (atomic.and<u64>(word, ~mask) & mask) != 0;
}

/** Applies an operation to bits [first, first + count) of a bitmap; whether any was set before. */
function applyRange(bitmap: usize, first: u64, count: u64, operation: u32): bool {
  let any = false;
  while (count > 0) {
    const bit = u32(first & 63);
    const part = min<u64>(count, u64(64 - bit));
    if (apply(bitmap + usize(first >>> 6 << 3), bits(bit, u32(part)), operation)) any = true;
    first += part;
    count -= part;
  }
  return any;
}

/** Takes bits [first, first + count) into `into`, where they begin at bit 0; whether any was set. */
function takeRange(bitmap: usize, first: u64, count: u64, into: usize, at: u64): bool {
  let any = false;
  while (count > 0) {
    const bit = u32(first & 63);
    const part = min<u64>(min<u64>(count, u64(64 - bit)), 64 - (at & 63));
    const mask = bits(bit, u32(part));
    const word = bitmap + usize(first >>> 6 << 3);
    if (atomic.load<u64>(word) & mask) {
      const taken = atomic.and<u64>(word, ~mask) & mask;
      const target = into + usize(at >>> 6 << 3);
      store<u64>(target, load<u64>(target) | (taken >>> u64(bit) << (at & 63)));
      // Another context may have taken the bits in between.
      if (taken) any = true;
    }
    first += part;
    at += part;
    count -= part;
  }
  return any;
}

// ---- dirty memory -----------------------------------------------------------------------------

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

// ---- memslots ---------------------------------------------------------------------------------

function rowOf(table: usize, gfn: u64): usize {
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

function hostOf(row: usize, gfn: u64, pageBits: u32): u64 {
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

// ---- shadow mappings --------------------------------------------------------------------------
//
// An entry is two 64-bit words: the tag (gfn << 2, writable 2, present 1) and the host address. The
// vCPU that owns the table is the only one that fills entries; a flush changes tags alone. Entries form
// pages, each with a bitmap of the slots that it maps, so that whoever looks for the mappings of one
// slot passes over the other pages.

const PRESENT: u64 = 1;
const WRITABLE: u64 = 2;

// @ts-ignore: a decorator of AssemblyScript
@inline
function entryOf(shadow: usize, gfn: u64): usize {
  const index = usize(u32(gfn) & load<u32>(shadow, SHADOW_MASK));
  return shadow + SHADOW_ENTRIES + index * SHADOW_ENTRY_SIZE;
}

// @ts-ignore: a decorator of AssemblyScript
@inline
function endOf(shadow: usize): usize {
  return shadow + SHADOW_ENTRIES + (usize(load<u32>(shadow, SHADOW_MASK)) + 1) * SHADOW_ENTRY_SIZE;
}

// @ts-ignore: a decorator of AssemblyScript
@inline
function pageOf(shadow: usize, gfn: u64): usize {
  const index = usize(u32(gfn) & load<u32>(shadow, SHADOW_MASK));
  return endOf(shadow) + (index >>> SHADOW_PAGE_BITS) * SHADOW_PAGE_SIZE;
}

/** The bit of a slot in the bitmap of a shadow page. */
// @ts-ignore: a decorator of AssemblyScript
@inline
function slotBit(row: usize): u64 {
  return u64(1) << (u64(load<u32>(row, SLOT_ID)) & 63);
}

/** The host address that a mapping gives, or -1 if there is none that allows the access. */
export function shadowLookup(shadow: usize, gfn: f64, write: u32): f64 {
  const page = u64(gfn);
  const entry = entryOf(shadow, page);
  const tag = atomic.load<u64>(entry);
  const needed = PRESENT | (write ? WRITABLE : 0);
  if (tag >>> 2 != page || (tag & needed) != needed) return -1;
  return f64(load<u64>(entry, SHADOW_ENTRY_HOST));
}

/**
 * Instantiates the mapping of a gfn from one snapshot: the host address; -1: no slot; -2: retry;
 * -3: a write to a read-only slot.
 */
export function shadowFill(shadow: usize, table: usize, gfn: f64, write: u32, pageBits: u32): f64 {
  const page = u64(gfn);
  const row = rowOf(table, page);
  if (!row) return OUTCOME_NO_SLOT;
  const flags = load<u32>(row, SLOT_FLAGS);
  if (flags & SLOT_FLAG_INVALID) return OUTCOME_RETRY;
  if (write && flags & SLOT_FLAG_READONLY) return OUTCOME_READ_ONLY;
  const host = hostOf(row, page, pageBits);
  const entry = entryOf(shadow, page);
  const writable = flags & SLOT_FLAG_READONLY
    ? false
    : flags & SLOT_FLAG_LOG_DIRTY
    ? write != 0
    : true;
  // Set before the mapping is there, and so before the mark below. Whoever looks for the slot's mappings
  // and finds the bit clear has taken the log before: the mark is in the next one. The bit is loaded
  // plainly because its owner alone changes it.
  const slots = pageOf(shadow, page);
  const bit = slotBit(row);
  if (!(load<u64>(slots, SHADOW_PAGE_SLOTS) & bit)) atomic.or<u64>(slots, bit, SHADOW_PAGE_SLOTS);
  // The host address is read by this vCPU alone; whoever adopts the map clears it first. A concurrent
  // flush that has read the old tag changes it by compare-and-exchange: the store below is undone only
  // if the tag is the same, and then the mapping is made anew.
  store<u64>(entry, host, SHADOW_ENTRY_HOST);
  atomic.store<u64>(entry, (page << 2) | (writable ? WRITABLE : 0) | PRESENT);
  // Mark after the mapping is writable. The other way round, a collector that takes the mark and
  // protects the mappings in between would leave a writable page unmarked.
  if (write && flags & SLOT_FLAG_LOG_DIRTY) logDirty(row, gfn);
  return f64(host);
}

/** Ends the mappings of gfns [first, first + count); how many there were. */
export function shadowFlush(shadow: usize, first: f64, count: f64): u32 {
  return change(shadow + SHADOW_ENTRIES, endOf(shadow), u64(first), u64(count), 0);
}

/** Makes the mappings of a slot read-only, in the shadow pages that map it; how many were writable. */
export function shadowProtect(shadow: usize, row: usize): u32 {
  const end = endOf(shadow);
  const bytes = SHADOW_ENTRY_SIZE << SHADOW_PAGE_BITS;
  const first = load<u64>(row, SLOT_BASE);
  const pages = load<u64>(row, SLOT_PAGES);
  const bit = slotBit(row);
  let page = end;
  let changed: u32 = 0;
  for (let entry = shadow + SHADOW_ENTRIES; entry < end; entry += bytes) {
    if (atomic.load<u64>(page, SHADOW_PAGE_SLOTS) & bit) {
      changed += change(entry, min(entry + bytes, end), first, pages, ~WRITABLE);
    }
    page += SHADOW_PAGE_SIZE;
  }
  return changed;
}

/** Ends all mappings. Its owner alone may do so: the bitmaps of its pages are cleared, too. */
export function shadowClear(shadow: usize): void {
  const end = endOf(shadow);
  change(shadow + SHADOW_ENTRIES, end, 0, u64.MAX_VALUE, 0);
  const pages = (load<u32>(shadow, SHADOW_MASK) >>> SHADOW_PAGE_BITS) + 1;
  for (let page: u32 = 0; page < pages; page++) {
    atomic.store<u64>(end + usize(page) * SHADOW_PAGE_SIZE, 0, SHADOW_PAGE_SLOTS);
  }
}

function change(from: usize, end: usize, first: u64, count: u64, keep: u64): u32 {
  let changed: u32 = 0;
  for (let entry = from; entry < end; entry += SHADOW_ENTRY_SIZE) {
    const tag = atomic.load<u64>(entry);
    if (!(tag & PRESENT) || (tag >>> 2) - first >= count) continue;
    const now = tag & keep;
    if (now == tag) continue;
    if (atomic.cmpxchg<u64>(entry, tag, now) == tag) changed++;
    // Else the owner has refilled the entry since, from a snapshot that it still holds: the caller's
    // grace period, or the mark that follows the refill, covers it.
  }
  return changed;
}

/** Counts the mappings that lie in a slot of the table; in any if `row` is 0. One snapshot. */
export function shadowCount(shadow: usize, table: usize, row: usize): u32 {
  const end = endOf(shadow);
  let count: u32 = 0;
  for (let entry = shadow + SHADOW_ENTRIES; entry < end; entry += SHADOW_ENTRY_SIZE) {
    const tag = atomic.load<u64>(entry);
    if (!(tag & PRESENT)) continue;
    const found = rowOf(table, tag >>> 2);
    if (found && (!row || found == row)) count++;
  }
  return count;
}

// ---- guest RAM --------------------------------------------------------------------------------

let high: u32 = 0;

/** The upper half of this instance's last `load64` or `compareExchange64`. */
export function upper(): u32 {
  return high;
}

/** Loads eight bytes, as one if they are aligned; returns the lower half. */
export function load64(at: usize): u32 {
  const value = at & 7 ? load<u64>(at) : atomic.load<u64>(at);
  high = u32(value >>> 32);
  return u32(value);
}

/** Stores eight bytes, as one if they are aligned. */
export function store64(at: usize, low: u32, upper: u32): void {
  const value = (u64(upper) << 32) | u64(low);
  if (at & 7) store<u64>(at, value);
  else atomic.store<u64>(at, value);
}

/** Stores eight aligned bytes if they hold what is expected; returns what they held. */
export function compareExchange64(
  at: usize,
  expectedLow: u32,
  expectedHigh: u32,
  low: u32,
  upper: u32,
): u32 {
  const expected = (u64(expectedHigh) << 32) | u64(expectedLow);
  const value = atomic.cmpxchg<u64>(at, expected, (u64(upper) << 32) | u64(low));
  high = u32(value >>> 32);
  return u32(value);
}

/**
 * Zeroes pages of 4 KiB that are not zero already: reading a page that was never touched costs the
 * host no memory, writing it would.
 */
export function scrub(from: usize, pages: u32): u32 {
  let written: u32 = 0;
  for (let page: u32 = 0; page < pages; page++) {
    const start = from + (usize(page) << 12);
    if (isZero(start)) continue;
    memory.fill(start, 0, 4096);
    written++;
  }
  return written;
}

function isZero(start: usize): bool {
  for (let at: usize = 0; at < 4096; at += 32) {
    const word = load<u64>(start + at) | load<u64>(start + at, 8) | load<u64>(start + at, 16) |
      load<u64>(start + at, 24);
    if (word) return false;
  }
  return true;
}
