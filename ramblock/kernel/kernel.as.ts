// The kernel of package ramblock, in AssemblyScript. It is instantiated over the arena (RAM blocks,
// dirty bitmaps, memslots, shadow mappings) and over each window of guest RAM (eight-byte accesses,
// atomics, scrubbing).
//
// The offsets repeat `ramblock/blocks/layout.ts`, `ramblock/dirty/layout.ts` and
// `ramblock/memslots/layout.ts`; a test compares them. Numbers beyond 32 bits come in and go out as
// f64, exact to 2^53: callers check the range.

// ---- RAM blocks -------------------------------------------------------------------------------

const LIST: usize = 8;
const VERSION: usize = 64;
const MRU: usize = 72;
const BLOCK_OFFSET: usize = 16;
const BLOCK_MAX_LENGTH: usize = 24;
const BLOCK_USED_LENGTH: usize = 32;
const BLOCK_HOST: usize = 40;

// @ts-ignore: a decorator of AssemblyScript
@inline
function holds(block: usize, field: usize, position: u64): bool {
  return position - load<u64>(block + field) < load<u64>(block, BLOCK_MAX_LENGTH);
}

/**
 * The block of a ram_addr_t, or 0. The version is loaded before the MRU word and before the walk:
 * see `ramblock/model/mru.ts`.
 */
export function findBlock(ram: usize, address: f64): usize {
  const wanted = u64(address);
  const version = atomic.load<u32>(ram, VERSION);
  const mru = atomic.load<u64>(ram, MRU);
  const recent = usize(u32(mru));
  if (u32(mru >>> 32) == version && recent != 0) {
    if (holds(recent, BLOCK_OFFSET, wanted)) return recent;
  }
  const block = walk(ram, BLOCK_OFFSET, wanted);
  if (block) atomic.store<u64>(ram, (u64(version) << 32) | u64(block), MRU);
  return block;
}

/** The block of a host position, or 0. The MRU word speaks of addresses: it is read, not stored. */
export function findHost(ram: usize, host: f64): usize {
  const wanted = u64(host);
  const version = atomic.load<u32>(ram, VERSION);
  const mru = atomic.load<u64>(ram, MRU);
  const recent = usize(u32(mru));
  if (u32(mru >>> 32) == version && recent != 0) {
    if (holds(recent, BLOCK_HOST, wanted)) return recent;
  }
  return walk(ram, BLOCK_HOST, wanted);
}

/** The block of a ram_addr_t by the list alone: what a lookup costs without the MRU word. */
export function walkBlocks(ram: usize, address: f64): usize {
  return walk(ram, BLOCK_OFFSET, u64(address));
}

function walk(ram: usize, field: usize, position: u64): usize {
  const head = usize(load<u32>(ram, LIST));
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

/** Ends the trust in every MRU word stored so far. The caller has unlinked or linked before. */
export function bumpVersion(ram: usize): u32 {
  const version = atomic.add<u32>(ram, 1, VERSION) + 1;
  atomic.store<u64>(ram, 0, MRU);
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

/** What an operation does to the bits of one word. */
const SET: u32 = 0;
const CLEAR: u32 = 1;
const TEST: u32 = 2;

/** Whether any of the bits was set before. Always a read-modify-write: see `dirty_memory.ts`. */
function apply(word: usize, mask: u64, operation: u32): bool {
  if (operation == SET) return (atomic.or<u64>(word, mask) & mask) != 0;
  if (operation == TEST) return (atomic.load<u64>(word) & mask) != 0;
  // A clear bit stays clear whoever looks: nothing was handed over that a write would acquire.
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
      const taken = (atomic.and<u64>(word, ~mask) & mask) >>> u64(bit);
      const target = into + usize(at >>> 6 << 3);
      store<u64>(target, load<u64>(target) | (taken << (at & 63)));
      any = true;
    }
    first += part;
    at += part;
    count -= part;
  }
  return any;
}

// ---- dirty memory -----------------------------------------------------------------------------

const DIRTY: usize = 128;
const CHUNK_BITS: usize = 20;
const TABLE_CHUNKS: usize = 0;
const TABLE_ENTRIES: usize = 16;

function dirtyRange(ram: usize, client: u32, first: u64, count: u64, operation: u32): bool {
  const table = usize(atomic.load<u32>(ram, DIRTY));
  const shift = u64(load<u32>(ram, CHUNK_BITS));
  const entries = table + TABLE_ENTRIES + usize(client * load<u32>(table, TABLE_CHUNKS)) * 4;
  const size = u64(1) << shift;
  let any = false;
  while (count > 0) {
    const bit = first & (size - 1);
    const part = min<u64>(count, size - bit);
    const chunk = usize(load<u32>(entries + usize(first >>> shift) * 4));
    if (applyRange(chunk, bit, part, operation)) any = true;
    first += part;
    count -= part;
  }
  return any;
}

/** How many pages the bitmaps cover. */
export function dirtyPages(ram: usize): f64 {
  const table = usize(atomic.load<u32>(ram, DIRTY));
  return f64(u64(load<u32>(table, TABLE_CHUNKS)) << u64(load<u32>(ram, CHUNK_BITS)));
}

/** Sets the bit of one page for each of the clients in the mask. 0 if the page is not covered. */
export function setDirtyPage(ram: usize, page: f64, clients: u32): u32 {
  const number = u64(page);
  const table = usize(atomic.load<u32>(ram, DIRTY));
  const shift = u64(load<u32>(ram, CHUNK_BITS));
  const chunks = load<u32>(table, TABLE_CHUNKS);
  const index = number >>> shift;
  if (index >= u64(chunks)) return 0;
  const bit = number & ((u64(1) << shift) - 1);
  let entry = table + TABLE_ENTRIES + usize(index) * 4;
  while (clients) {
    if (clients & 1) {
      atomic.or<u64>(usize(load<u32>(entry)) + usize(bit >>> 6 << 3), u64(1) << (bit & 63));
    }
    clients >>>= 1;
    entry += usize(chunks) * 4;
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
  const table = usize(atomic.load<u32>(ram, DIRTY));
  const shift = u64(load<u32>(ram, CHUNK_BITS));
  const entries = table + TABLE_ENTRIES + usize(client * load<u32>(table, TABLE_CHUNKS)) * 4;
  const size = u64(1) << shift;
  let page = u64(first);
  let left = u64(count);
  let at: u64 = 0;
  let any = false;
  while (left > 0) {
    const bit = page & (size - 1);
    const part = min<u64>(left, size - bit);
    const chunk = usize(load<u32>(entries + usize(page >>> shift) * 4));
    if (takeRange(chunk, bit, part, into, at)) any = true;
    page += part;
    at += part;
    left -= part;
  }
  return u32(any);
}

// ---- memslots ---------------------------------------------------------------------------------

const SLOT_COUNT: usize = 4;
const SLOT_ROWS: usize = 64;
const ROW_BYTES: usize = 64;
const ROW_BASE: usize = 0;
const ROW_PAGES: usize = 8;
const ROW_HOST: usize = 16;
const ROW_FLAGS: usize = 28;
const ROW_LOG: usize = 32;
const READONLY: u32 = 1;
const LOG_DIRTY: u32 = 2;
const INVALID: u32 = 4;
const NO_SLOT: f64 = -1;
const RETRY: f64 = -2;
const READ_ONLY: f64 = -3;

function rowOf(table: usize, gfn: u64): usize {
  let low: u32 = 0;
  let high = load<u32>(table, SLOT_COUNT);
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (load<u64>(table + usize(middle) * ROW_BYTES, SLOT_ROWS + ROW_BASE) <= gfn) low = middle + 1;
    else high = middle;
  }
  if (low == 0) return 0;
  const row = table + SLOT_ROWS + usize(low - 1) * ROW_BYTES;
  return gfn - load<u64>(row, ROW_BASE) < load<u64>(row, ROW_PAGES) ? row : 0;
}

/** The row of the slot that has a gfn, or 0. INVALID ones are found too. */
export function findSlot(table: usize, gfn: f64): usize {
  return rowOf(table, u64(gfn));
}

function hostOf(row: usize, gfn: u64, pageBits: u32): u64 {
  return load<u64>(row, ROW_HOST) + ((gfn - load<u64>(row, ROW_BASE)) << u64(pageBits));
}

/** The host position of a gfn; -1: no slot; -2: retry. */
export function gfnToHost(table: usize, gfn: f64, pageBits: u32): f64 {
  const row = rowOf(table, u64(gfn));
  if (!row) return NO_SLOT;
  if (load<u32>(row, ROW_FLAGS) & INVALID) return RETRY;
  return f64(hostOf(row, u64(gfn), pageBits));
}

/** Marks a page in the log of its slot. */
export function logDirty(row: usize, gfn: f64): void {
  const page = u64(gfn) - load<u64>(row, ROW_BASE);
  applyRange(usize(load<u32>(row, ROW_LOG)), page, 1, SET);
}

/** Takes a slot's whole log into `into`; whether any page was dirty. */
export function takeLog(row: usize, into: usize): u32 {
  return u32(takeRange(usize(load<u32>(row, ROW_LOG)), 0, load<u64>(row, ROW_PAGES), into, 0));
}

// ---- shadow mappings --------------------------------------------------------------------------
//
// An entry is two 64-bit words: the tag (gfn << 2, writable 2, present 1) and the host position. The
// vCPU that owns the table is the only one that fills entries; a flush changes tags alone.

const SHADOW_MASK: usize = 8;
const SHADOW_ENTRIES: usize = 64;
const PRESENT: u64 = 1;
const WRITABLE: u64 = 2;

// @ts-ignore: a decorator of AssemblyScript
@inline
function entryOf(shadow: usize, gfn: u64): usize {
  return shadow + SHADOW_ENTRIES + (usize(u32(gfn) & load<u32>(shadow, SHADOW_MASK)) << 4);
}

/** The host position that a mapping gives, or -1 if there is none that allows the access. */
export function shadowLookup(shadow: usize, gfn: f64, write: u32): f64 {
  const page = u64(gfn);
  const entry = entryOf(shadow, page);
  const tag = atomic.load<u64>(entry);
  const needed = PRESENT | (write ? WRITABLE : 0);
  if (tag >>> 2 != page || (tag & needed) != needed) return -1;
  return f64(load<u64>(entry, 8));
}

/**
 * Instantiates the mapping of a gfn from one snapshot: the host position; -1: no slot; -2: retry;
 * -3: a write to a read-only slot.
 */
export function shadowFill(shadow: usize, table: usize, gfn: f64, write: u32, pageBits: u32): f64 {
  const page = u64(gfn);
  const row = rowOf(table, page);
  if (!row) return NO_SLOT;
  const flags = load<u32>(row, ROW_FLAGS);
  if (flags & INVALID) return RETRY;
  if (write && flags & READONLY) return READ_ONLY;
  const host = hostOf(row, page, pageBits);
  const entry = entryOf(shadow, page);
  const writable = flags & READONLY ? false : flags & LOG_DIRTY ? write != 0 : true;
  // A flush that reads the old tag meanwhile must not take the new host for it, and changes tags by
  // compare-and-exchange, so it cannot undo what comes here.
  atomic.store<u64>(entry, 0);
  store<u64>(entry, host, 8);
  atomic.store<u64>(entry, (page << 2) | (writable ? WRITABLE : 0) | PRESENT);
  // The mapping is writable before the page is marked. The other way round, a collector that takes
  // the mark and protects the mappings in between would leave a writable page unmarked.
  if (write && flags & LOG_DIRTY) logDirty(row, gfn);
  return f64(host);
}

/** Ends the mappings of gfns [first, first + count); how many there were. */
export function shadowFlush(shadow: usize, first: f64, count: f64): u32 {
  return change(shadow, u64(first), u64(count), 0);
}

/** Makes the mappings of gfns [first, first + count) read-only; how many were writable. */
export function shadowProtect(shadow: usize, first: f64, count: f64): u32 {
  return change(shadow, u64(first), u64(count), ~WRITABLE);
}

function change(shadow: usize, first: u64, count: u64, keep: u64): u32 {
  const end = shadow + SHADOW_ENTRIES + (usize(load<u32>(shadow, SHADOW_MASK)) + 1 << 4);
  let changed: u32 = 0;
  for (let entry = shadow + SHADOW_ENTRIES; entry < end; entry += 16) {
    const tag = atomic.load<u64>(entry);
    if (!(tag & PRESENT) || (tag >>> 2) - first >= count) continue;
    const now = tag & keep;
    if (now == tag) continue;
    if (atomic.cmpxchg<u64>(entry, tag, now) == tag) changed++;
    // Else the owner has changed the entry since. What it filled in it took from a snapshot that it
    // still holds: the caller's grace period, or the mark that follows the filling, covers it.
  }
  return changed;
}

/** How many mappings lie in a slot of the table (`row` 0: in any), by one snapshot. */
export function shadowCount(shadow: usize, table: usize, row: usize): u32 {
  const end = shadow + SHADOW_ENTRIES + (usize(load<u32>(shadow, SHADOW_MASK)) + 1 << 4);
  let count: u32 = 0;
  for (let entry = shadow + SHADOW_ENTRIES; entry < end; entry += 16) {
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
 * Zeroes pages of 4 KiB, but those that are zero already: to read a page that was never touched
 * costs the host no memory, to write it would.
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
