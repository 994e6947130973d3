/**
 * What lies in the arena: the struct of guest RAM, the records of its blocks, the table of the dirty
 * bitmaps, memslots and shadow maps. `deno task kernel` makes the kernel's constants of what this
 * module exports.
 *
 * REFERENCE.md says who writes and who reads each word, and under what.
 *
 * @module
 */

import { aligned, array, bytes, CACHE_LINE, defineLayout } from "@guestmem/rcu/layout";

/** Guest RAM: one for each `GuestRam`. "The writer" is the context that uses a `RamList`. */
export const RAM = defineLayout({
  /** Written last by `create`. */
  magic: "u32",
  /** The id of the next block; never repeats. Written by the writer. */
  nextId: "u32",
  /** The RcuList of blocks. Constant. */
  list: "u32",
  /** The first retired block, linked by {@linkcode BLOCK}`.nextRetired`. Written by the writer. */
  retired: "u32",
  /** log2 of the page size. Constant. */
  pageBits: "u32",
  /** log2 of the pages in a chunk of the dirty bitmaps. Constant. */
  chunkBits: "u32",
  /** log2 of the bytes in a window. Constant. */
  windowBits: "u32",
  /** How many windows. Constant. */
  windows: "u32",
  /** Host address of the next caller's buffer; never repeats. Written by the writer. */
  nextHost: "u64",
  /**
   * An MRU word is trusted only with this version. The writer bumps it after it has unlinked or
   * linked a block; readers load it inside their section.
   */
  version: aligned(CACHE_LINE, "u32"),
  /** A block (low half) and the version (high half) under which a reader found it. */
  mru: "u64",
  /** The {@linkcode DIRTY_TABLE}, in a cache line of its own. Under RCU. */
  dirty: aligned(CACHE_LINE, "u32"),
  /** Counts the collections of dirty bits: the log epoch. Who collects adds to it; vCPUs load it. */
  logEpoch: "u64",
});

/** The record of a RAM block; immutable once published, except where noted. */
export const BLOCK = defineLayout({
  /** The RcuList's: the next block. */
  next: "u32",
  /** The RcuList's: the previous block. */
  previous: "u32",
  /** The id: never repeats. */
  id: "u32",
  /** One of `KIND`. */
  kind: "u32",
  /** The ram_addr_t. */
  offset: "u64",
  /** The maximum length in bytes. */
  maxLength: "u64",
  /** The used length in bytes. The writer stores it, readers load it, both atomically. */
  usedLength: "u64",
  /** The host address. */
  host: "u64",
  /** The clients whose dirty logging is on. Changed by read-modify-writes, loaded atomically. */
  logMask: "u32",
  /** The next retired block. Written by the writer. */
  nextRetired: "u32",
  /** Token of the context that retired it, and is to reclaim it. Written by the writer. */
  retiredBy: "u32",
  /** Bytes of the name. */
  nameBytes: "u32",
  /** The name in UTF-8, as long as it is. */
  name: bytes(0),
});

/**
 * The table of the dirty bitmaps' chunks. It is immutable; the bits of its chunks are changed by every
 * worker, by read-modify-writes. A larger table names the same chunks.
 */
export const DIRTY_TABLE = defineLayout({
  /** How many chunks each client has. */
  chunks: "u32",
  /** The table that this one has replaced, until it is deferred; 0 afterwards. Written by the writer. */
  replaced: "u32",
  /** 0. */
  reserved: bytes(8),
  /** The chunks: those of client 0, then those of client 1, then those of client 2. */
  entries: array("u32", 0),
});

/** Memslots: one for each `Memslots`. */
export const MEMSLOTS = defineLayout({
  /** Written last by `create`. */
  magic: aligned(CACHE_LINE, "u32"),
  /** The current {@linkcode SLOT_TABLE}, under SRCU. Changed by compare-and-exchange, by a commit. */
  root: "u32",
  /** The list of shadow maps. Only ever pushed to, by compare-and-exchange. */
  shadows: "u32",
  /** The most slots at once. Constant. */
  limit: "u32",
  /** log2 of the page size. Constant. */
  pageBits: "u32",
});

/** A table of slots, which is immutable once published. */
export const SLOT_TABLE = defineLayout({
  /** 0. */
  reserved: "u32",
  /** How many rows. */
  count: "u32",
  /** Counts the tables of these memslots; never repeats. */
  generation: "u64",
  /** In a table with INVALID rows: the token of the context whose batch is in progress. Else 0. */
  committer: "u32",
  /** The rows, a {@linkcode SLOT} each, by rising base. */
  rows: aligned(CACHE_LINE, bytes(0)),
});

/** A row of a table of slots. */
export const SLOT = defineLayout({
  /** The first gfn. */
  base: aligned(CACHE_LINE, "u64"),
  /** How many pages. */
  pages: "u64",
  /** The host address of the first page. */
  host: "u64",
  /** The slot's number. */
  id: "u32",
  /** See {@linkcode SLOT_FLAG}. */
  flags: "u32",
  /** The dirty log: a bitmap, one bit a page; 0 if there is none. */
  log: "u32",
});

/** A shadow map. */
export const SHADOW = defineLayout({
  /** The next shadow map. Constant once it is in the list. */
  next: "u32",
  /** Token of the context that fills it; 0 if free. By compare-and-exchange. */
  owner: "u32",
  /** How many entries, less one. Constant. */
  mask: "u32",
  /** The entries, a {@linkcode SHADOW_ENTRY} each; then their pages, a {@linkcode SHADOW_PAGE} each. */
  entries: aligned(CACHE_LINE, bytes(0)),
});

/** log2 of the entries of a shadow page: 64 entries that follow one another. */
export const SHADOW_PAGE_BITS = 6;

/** A shadow page. */
export const SHADOW_PAGE = defineLayout({
  /**
   * The slots that its entries may map: bit n stands for the slots whose numbers are n modulo 64. Its
   * vCPU sets a bit before it fills the first such entry, and clears them all when it drops its map.
   */
  slots: "u64",
});

/** An entry of a shadow map. Its vCPU fills it; a flush changes the tag alone. */
export const SHADOW_ENTRY = defineLayout({
  /** gfn << 2, writable 2, present 1. */
  tag: "u64",
  /** The host address of the page. */
  host: "u64",
});

/** The flags of a slot. */
export const SLOT_FLAG = {
  /** Writes exit to the emulated device. KVM_MEM_READONLY. */
  READONLY: 1,
  /** Pages that are written are marked in the slot's log. KVM_MEM_LOG_DIRTY_PAGES. */
  LOG_DIRTY: 2,
  /** A batch is deleting or moving the slot right now. Never set by users. KVM_MEMSLOT_INVALID. */
  INVALID: 4,
} as const;

/** Lookups return a host address, or one of these: all are negative. */
export const OUTCOME = {
  /** No slot has the gfn: the access exits to the emulated device. */
  NO_SLOT: -1,
  /** A batch is changing the slot: leave the section, and try again. */
  RETRY: -2,
  /** A write to a read-only slot: the access exits to the emulated device. */
  READ_ONLY: -3,
} as const;
