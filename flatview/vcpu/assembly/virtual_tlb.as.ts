// A TLB of virtual pages, for a CPU core in WebAssembly whose memory holds the guest's RAM too. It is
// source for other kernels to import, and has no state but the epoch.
//
// A core keeps one table, or several that it selects from (one for each privilege, say), each of
// VIRTUAL_TLB_BYTES at a multiple of 8. One context uses them, with plain accesses. The probe is inlined
// where it is used, and a miss is the core's affair: it walks its page table, asks a `PageResolver` for the
// guest page, and fills the entry. This is the recipe for a load:
//
//     const entry = entryOf(table, va);
//     if (canLoad<u32>(entry, va)) return load<u32>(addressIn(entry, va));
//     return missedLoad(va);
//
// The same entry serves loads and stores; each has a tag of its own. A page that may not be stored to
// without the core's attention has no tag for stores: ROM, a logged page that is not marked in this log
// epoch, a page whose dirty bit is not set in the page table.

import {
  VIRTUAL_TLB_ENTRIES, VIRTUAL_TLB_ENTRY_ADDEND, VIRTUAL_TLB_ENTRY_READ, VIRTUAL_TLB_ENTRY_SIZE,
  VIRTUAL_TLB_ENTRY_WRITE,
} from "./constants.as";

const PAGE: u64 = ~0xfff;

/** The lowest bits of a tag are those of the address: an access that is not aligned does not match. */
const EPOCH_SHIFT: u64 = 3;
/** 1 to 510 fit: with 511, a tag could be all ones, which no access must match. */
const LAST_EPOCH: u64 = 510 << EPOCH_SHIFT;

/**
 * What every tag carries in the bits that the address of a page leaves free. Forgetting all translations
 * is one addition; entries are overwritten only when the numbers run out. Other caches of translations
 * may carry it as well.
 */
export let epoch: u64 = 0;

/**
 * Forgets all translations. To be called once before the first access.
 *
 * @returns True: the numbers start again, and all tables must be cleared at once.
 */
export function beginEpoch(): bool {
  const startsAgain = epoch == 0 || epoch == LAST_EPOCH;
  epoch = startsAgain ? 1 << EPOCH_SHIFT : epoch + (1 << EPOCH_SHIFT);
  return startsAgain;
}

/** Overwrites the entries of consecutive tables. */
export function clearTables(tables: usize, count: u32): void {
  memory.fill(tables, 0xff, count * VIRTUAL_TLB_ENTRIES * <u32>VIRTUAL_TLB_ENTRY_SIZE);
}

/** The entry in which the page of a virtual address is, if it is in the table. */
// @ts-ignore: decorator
@inline
export function entryOf(table: usize, va: u64): usize {
  return table + (<usize>(va >> 12) & (VIRTUAL_TLB_ENTRIES - 1)) * VIRTUAL_TLB_ENTRY_SIZE;
}

/** Whether an aligned load of a T hits. */
// @ts-ignore: decorator
@inline
export function canLoad<T>(entry: usize, va: u64): bool {
  return load<u64>(entry, VIRTUAL_TLB_ENTRY_READ) == (va & (PAGE | (sizeof<T>() - 1)) | epoch);
}

/** Whether an aligned store of a T hits. */
// @ts-ignore: decorator
@inline
export function canStore<T>(entry: usize, va: u64): bool {
  return load<u64>(entry, VIRTUAL_TLB_ENTRY_WRITE) == (va & (PAGE | (sizeof<T>() - 1)) | epoch);
}

/** The address in this memory, after a hit. */
// @ts-ignore: decorator
@inline
export function addressIn(entry: usize, va: u64): usize {
  return <usize>va + load<u32>(entry, VIRTUAL_TLB_ENTRY_ADDEND);
}

/**
 * Enters a page for loads or for stores. The other tag stays only if it is the same page's.
 *
 * @param va A virtual address in the page.
 * @param host The page's address in this memory.
 */
export function fill(table: usize, va: u64, host: usize, forStores: bool): void {
  const entry = entryOf(table, va);
  const mine = forStores ? VIRTUAL_TLB_ENTRY_WRITE : VIRTUAL_TLB_ENTRY_READ;
  const other = forStores ? VIRTUAL_TLB_ENTRY_READ : VIRTUAL_TLB_ENTRY_WRITE;
  const addend = <u32>host - <u32>(va & PAGE);
  const tag = va & PAGE | epoch;
  if (load<u64>(entry + other) != tag || load<u32>(entry, VIRTUAL_TLB_ENTRY_ADDEND) != addend) {
    store<u64>(entry + other, ~0);
  }
  store<u64>(entry + mine, tag);
  store<u32>(entry, addend, VIRTUAL_TLB_ENTRY_ADDEND);
}
