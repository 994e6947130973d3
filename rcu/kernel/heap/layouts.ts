/**
 * What the allocator keeps in an arena: the pages, the blocks in them, and each context's caches.
 * `deno task kernel` makes the kernel's constants from what this module exports.
 *
 * The heap is cut into pages. Each page has a record in a table; the word of the record says what the
 * page is and whose, and changes by compare-and-exchange, or by a store of the context that owns it.
 * A **slab** is a run of pages with blocks of one size class, and their headers in front of them. A
 * block that is too large for a class has a **run** of pages to itself and its header in the record.
 *
 * `rcu/REFERENCE.md` says who writes and who reads each word, and under what.
 *
 * @module
 */

import { aligned, array, bytes, CACHE_LINE, defineLayout } from "../../layout/layout.ts";

/** Where {@linkcode HEAP} lies in every arena: in the arena's header. */
export const HEAP_AT = 128;

/** How many size classes there are: 32, 48, 64, 96, 128, ... 3,072 bytes. */
export const CLASSES = 14;

/** The geometry of the heap, which its creator writes before anyone attaches; and shared hints. */
export const HEAP = defineLayout({
  /** Logarithm of the size of a page in bytes. */
  pageShift: "u32",
  /** Pages of the whole memory; page 0 begins at offset 0. */
  pages: "u32",
  /** The first page of the heap. What lies before it is the arena's own. */
  firstPage: "u32",
  /** Offset of the page records. */
  recordsAt: "u32",
  /** Offset of a bitmap of pages: a hint which pages are in use. */
  usedAt: "u32",
  /** Offset of a bitmap of pages: a hint where blocks are deferred. */
  deferredAt: "u32",
  /** Hint: hardly a page below this one is free. */
  lowFree: aligned(CACHE_LINE, "u32"),
  /** No page from this one on was ever used. */
  highest: "u32",
  /** By class, a bit that says that a slab without an owner may exist. */
  orphans: "u32",
});

/** States of a page: the low four bits of its word. What the bits above them say depends on the state. */
export const PAGE_STATE = {
  /** Free. The word's high half repeats the last state but this, the bits what they said then. */
  FREE: 0,
  /** Being built or taken apart by the context that the high half names. */
  CLAIMED: 1,
  /** First page of a slab, of the class in the bits; its owner is in the high half, 0 for none. */
  SLAB: 2,
  /** As SLAB, with no block in use: anyone may take it. */
  EMPTY: 3,
  /** First page of a run of one block; the bits are the number of pages. */
  RUN: 4,
  /** A further page of a slab or a run; the bits are the number of its first page. */
  TAIL: 5,
  /** Part of the arena's tables. */
  RESERVED: 6,
} as const;

/** The record of a page. All but `word` matter in the first page of a slab or a run alone. */
export const PAGE = defineLayout({
  /** State, its argument, and the owner: see {@linkcode PAGE_STATE}. */
  word: aligned(CACHE_LINE, "u64"),
  /** A bit for each block that the owner may hand out. The owner alone reads and writes it. */
  free: "u64",
  /** A bit for each block that another context has freed: a hint for the owner. */
  remote: "u64",
  /** A bit for each block that is deferred: a hint for whoever frees them. */
  deferred: "u64",
  /** Of a slab {@linkcode SLAB}; of a run the header of its block. */
  body: bytes(32),
});

/** The second half of the record of a slab's first page. */
export const SLAB = defineLayout({
  /** Zero, where a run has the tag of its block. */
  noTag: "u64",
  /** Its neighbours in the ring of its owner's slabs of this class, by page. The owner's. */
  next: "u32",
  previous: "u32",
  /** Offset of the first block from the first page. */
  first: "u32",
  /** 2^32 divided by the size of a block, rounded up. */
  reciprocal: "u32",
  /** Blocks. */
  count: "u16",
  /** Pages. */
  pages: "u16",
  /** Token of the context that looks at headers here without being the owner, or 0. */
  visitor: "u32",
});

/** States of a block: the low four bits of its tag. */
export const BLOCK_STATE = {
  /** Free; the high half names the context that freed it. */
  FREE: 1,
  /** Being allocated by the context in the high half: nobody else knows the block. */
  PENDING: 2,
  /** Allocated; the high half names the context. */
  LIVE: 3,
  /**
   * Unlinked by an updater, but readers may use it until a grace period ends. The high half is the low
   * half of its number; the bits above the state are the address of the domain's limbo record.
   */
  DEFERRED: 4,
  /** Debug mode: freed and poisoned by the context in the high half, not yet reused. */
  QUARANTINED: 5,
} as const;

/** The header of a block. */
export const BLOCK = defineLayout({
  /** What it is, see {@linkcode BLOCK_STATE}. The one word that decides it. */
  tag: "u64",
  /** Bytes requested. */
  requested: "u32",
  /** Token of the context that allocated it. */
  allocatedBy: "u32",
  /** Number of the allocation among those of that context. */
  serial: "u32",
  /** Token of the context that deferred it, 0 for none. For reports. */
  deferredBy: "u32",
  /** 0, or the mark of a member. */
  mark: "u32",
  /** In the record of a run, where a slab has its visitor. */
  unused: "u32",
});

/** What the `mark` of a block says that only the `destroy` of what lies there frees. */
export const MEMBER_MARK = 0x4d454d42;

/** The limbo record of a domain: how much waits for its grace periods. Zero at the start. */
export const LIMBO = defineLayout({
  /** Blocks. */
  count: aligned(16, "u32"),
  /** Their bytes, with headers. */
  bytes: "u32",
});

/** What a context keeps for itself. It alone reads and writes it. */
export const CACHE = defineLayout({
  /** Address of the word that says whether it is attached. */
  whoAt: aligned(2 * CACHE_LINE, "u32"),
  /** What that word holds as long as it is; the low 30 bits are its token. */
  attached: "u32",
  /** Number of its next allocation. */
  serial: "u32",
  unused: "u32",
  /** By class, a page of the ring of its slabs; 0 if it has none. */
  current: array("u32", CLASSES),
  /** By class, the page of an EMPTY slab that it may take again; 0 if there is none. */
  empty: array("u32", CLASSES),
});

/** The bits of {@linkcode CACHE} `attached` that are the token. */
export const TOKEN_MASK = 0x3fffffff;

/** What `allocate` is told. */
export const ALLOCATION = {
  /** Zero the block. */
  ZEROED: 1,
  /** Leave it PENDING, for `publish`. */
  PENDING: 2,
} as const;

/** What the kernel's functions return in the place of an offset or a success. */
export const OUTCOME = {
  /** It is done; or, in the place of an offset: there is no room. */
  DONE: 0,
  /** The caller is no longer attached. */
  DETACHED: 1,
  /** No block starts there. */
  NO_BLOCK: 2,
  /** The block is not live. */
  NOT_LIVE: 3,
  /** The block is a member. */
  MEMBER: 4,
} as const;
