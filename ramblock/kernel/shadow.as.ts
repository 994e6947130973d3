// Shadow mappings.

import { hostOf, logDirty, rowOf } from "./memslots.as";
import {
  OUTCOME_NO_SLOT,
  OUTCOME_READ_ONLY,
  OUTCOME_RETRY,
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
  SLOT_ID,
  SLOT_PAGES,
} from "./layouts";

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

/** Makes the mappings of a slot read-only, in the shadow pages that map it. */
export function shadowProtect(shadow: usize, row: usize): void {
  const end = endOf(shadow);
  const bytes = SHADOW_ENTRY_SIZE << SHADOW_PAGE_BITS;
  const first = load<u64>(row, SLOT_BASE);
  const pages = load<u64>(row, SLOT_PAGES);
  const bit = slotBit(row);
  let page = end;
  for (let entry = shadow + SHADOW_ENTRIES; entry < end; entry += bytes) {
    if (atomic.load<u64>(page, SHADOW_PAGE_SLOTS) & bit) {
      change(entry, min(entry + bytes, end), first, pages, ~WRITABLE);
    }
    page += SHADOW_PAGE_SIZE;
  }
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
