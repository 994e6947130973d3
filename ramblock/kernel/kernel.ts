/**
 * The WebAssembly kernel of package ramblock: the ordered accesses of the hot paths.
 *
 * @module
 */

import { kernelLoader } from "@guestmem/rcu/internal";
import { KERNEL_BASE64 } from "./bytes.ts";

/**
 * The kernel's functions over one memory: the arena, or a window of guest RAM. Offsets come back
 * signed: apply `>>> 0`. Addresses, lengths and page numbers are numbers up to 2^53 - 1, which callers
 * check.
 */
export interface Kernel {
  /** The block of a ram_addr_t, by the MRU word or the list; 0 if none. */
  findBlock(ram: number, address: number): number;
  /** The block of a host address; 0 if none. */
  findHost(ram: number, host: number): number;
  /** The block of a ram_addr_t by the list alone; 0 if none. */
  walkBlocks(ram: number, address: number): number;
  /** The used length of a block, in bytes. */
  usedLength(block: number): number;
  /** Changes the used length of a block. */
  setUsedLength(block: number, length: number): void;
  /** Invalidates every MRU word stored so far; the new version. */
  bumpVersion(ram: number): number;
  /** Loads a word of the arena, sequentially consistent. */
  load32(cell: number): number;
  /** Stores a word of the arena, sequentially consistent. */
  store32(cell: number, value: number): void;
  /** Adds to a word; its old value. */
  add32(cell: number, value: number): number;
  /** Sets bits of a word; its old value. */
  or32(cell: number, value: number): number;
  /** Keeps bits of a word; its old value. */
  and32(cell: number, value: number): number;
  /** Stores `value` if the word holds `expected`; its old value. */
  compareExchange32(cell: number, expected: number, value: number): number;
  /** The log epoch. */
  logEpoch(ram: number): number;
  /** Begins another log epoch. */
  bumpLogEpoch(ram: number): void;
  /** How many pages the dirty bitmaps cover. */
  dirtyPages(ram: number): number;
  /** Sets one page's bit for each client in the mask; 0 if the page is not covered. */
  setDirtyPage(ram: number, page: number, clients: number): number;
  /** Sets the bits of covered pages for each client in the mask. */
  setDirty(ram: number, first: number, count: number, clients: number): void;
  /** Whether a bit of covered pages is set. */
  testDirty(ram: number, client: number, first: number, count: number): number;
  /** Clears the bits of covered pages; whether any was set. */
  testAndClearDirty(ram: number, client: number, first: number, count: number): number;
  /** Moves the bits of covered pages to a zeroed bitmap in the arena; whether any was set. */
  takeDirty(ram: number, client: number, first: number, count: number, into: number): number;
  /** The row of the slot that has a gfn, whatever its flags; 0 if none. */
  findSlot(table: number, gfn: number): number;
  /** The host address of a gfn, or an `OUTCOME`. */
  gfnToHost(table: number, gfn: number, pageBits: number): number;
  /** Marks a page in the log of its slot, which has one. */
  logDirty(row: number, gfn: number): void;
  /** Moves a slot's log to a zeroed bitmap in the arena; whether any page was dirty. */
  takeLog(row: number, into: number): number;
  /** The host address that a shadow mapping gives; -1 if none allows the access. */
  shadowLookup(shadow: number, gfn: number, write: number): number;
  /** Instantiates a mapping: its host address, or an `OUTCOME`. */
  shadowFill(shadow: number, table: number, gfn: number, write: number, pageBits: number): number;
  /** Ends the mappings of a range of gfns; how many there were. */
  shadowFlush(shadow: number, first: number, count: number): number;
  /** Makes the mappings of the slot in a row read-only. */
  shadowProtect(shadow: number, row: number): void;
  /** Ends all mappings; for the owner alone. */
  shadowClear(shadow: number): void;
  /** How many mappings lie in one slot of the table, or in any (`row` 0). */
  shadowCount(shadow: number, table: number, row: number): number;
  /** The upper half of the last `load64` or `compareExchange64`. */
  upper(): number;
  /** Loads eight bytes of guest RAM; the lower half. */
  load64(at: number): number;
  /** Stores eight bytes of guest RAM. */
  store64(at: number, low: number, high: number): void;
  /** Compare-and-exchange of eight aligned bytes; the lower half of their old value. */
  compareExchange64(
    at: number,
    expectedLow: number,
    expectedHigh: number,
    low: number,
    high: number,
  ): number;
  /** Zeroes pages of 4 KiB that are not zero; how many were not. */
  scrub(from: number, pages: number): number;
}

/**
 * The kernel over a shared memory of at most 65,536 pages, instantiated once in each context. Its
 * functions live as long as the memory.
 */
export const kernelOf: (memory: WebAssembly.Memory) => Kernel = kernelLoader(KERNEL_BASE64);
