/**
 * What lies in a grace-period domain (an RCU domain or an SRCU domain) and in a reader's slot.
 * `deno task kernel` makes the kernel's constants from every layout that this module exports:
 * `DOMAIN.gpCtr` is `DOMAIN_GP_CTR` there, and the size `DOMAIN_SIZE`.
 *
 * `rcu/REFERENCE.md` says who writes and who reads each word, and under what.
 *
 * @module
 */

import { aligned, array, bytes, CACHE_LINE, defineLayout } from "../layout/layout.ts";

/**
 * A record of the context table. Words other than `who` are written by its context alone, and count
 * for nothing while they name another token than `who`.
 */
export const CONTEXT = defineLayout({
  /** Token, and one of {@linkcode CONTEXT_STATE} in the two bits above: compare-and-exchange. */
  who: aligned(2 * CACHE_LINE, "u32"),
  /** The token, once the label is written. */
  labelled: "u32",
  labelLength: "u32",
  /** The token, once the lock that certifies a death was seen held: its context or a watcher. */
  certified: "u32",
  label: aligned(16, bytes(63)),
  /** Functions that the context has queued and not yet run. */
  queued: "u32",
  /** How often the context has pinned the members, see `arena/members.ts`. */
  pins: "u32",
});

/** What a context is. */
export const CONTEXT_STATE = {
  /** Closed, or dead and repaired: the record may be claimed. */
  GONE: 0,
  /** Attached. */
  ALIVE: 1,
  /** Told to stop: whatever it asks for next throws. It may still run, so nothing is repaired. */
  EXPELLED: 2,
  /** It runs no more, and what it left behind is being repaired. */
  DEAD: 3,
} as const;

/** Bits of a token; the state of a context, or the marks of a lock, are in the two bits above. */
export const TOKEN_BITS = 30;

/** A part of the list of members: structures that evictions repair. */
export const CHUNK = defineLayout({
  /** The next chunk, 0 at the end. Chunks are added and never taken out. */
  next: aligned(8, "u32"),
  /**
   * Entries, each one 64-bit word, 0 if free: below the offset of the member, above twice the number
   * of its registration, plus 1 once it is retired.
   */
  entries: aligned(8, array("u64", 31)),
});

/** The list of members, in the arena's header. */
export const REGISTRY = defineLayout({
  /** Number of the next registration, modulo 2^31. */
  serial: "u32",
  /** Not 0: an entry may be retired whose block is not freed yet. */
  retired: "u32",
  /** The first chunk. */
  chunk: aligned(8, bytes(CHUNK.size)),
});

/** A mutex's block. */
export const MUTEX = defineLayout({
  /** The arena's: the entry of this member, and its type. */
  memberEntry: "u32",
  memberType: "u32",
  /** The holder's token, 0 if free, and one of {@linkcode LOCK} in the two bits above. */
  lock: "u32",
  /** Futex word of those who wait. */
  event: "u32",
});

/** Marks in a mutex's word. */
export const LOCK = {
  /** A holder died, and nobody has called `consistent()` since. */
  INCONSISTENT: 0x4000_0000,
  /** Somebody may be waiting: the release wakes all. */
  CONTENDED: 0x8000_0000,
} as const;

/** What `mutexLock` returns. */
export const LOCKED = { ACQUIRED: 0, OWNER_DIED: 1, BUSY: 2, OWN: 3, DETACHED: 4 } as const;

/** A domain's block in the arena; its reader slots follow. */
export const DOMAIN = defineLayout({
  /** The arena's: the entry of this member. */
  memberEntry: "u32",
  /** The arena's: the type of this member. */
  memberType: "u32",
  /** A random number that the domain's handles repeat. */
  id: "u32",
  /** How many reader slots there are. */
  slotLimit: "u32",
  /** Budget of deferred callbacks and blocks. */
  maxDeferred: "u32",
  /** Budget of deferred bytes. */
  maxDeferredBytes: "u32",
  /** After how many milliseconds a grace period counts as stalled; 0: never. */
  stallMs: "u32",
  /** Bytes of the domain's label. */
  labelLength: "u32",
  /** The label in UTF-8. */
  label: bytes(32),
  /** The grace period started last (RCU), or the sequence (SRCU). */
  gpCtr: aligned(CACHE_LINE, "u64"),
  /** The grace period completed last (RCU only). */
  gpDone: aligned(CACHE_LINE, "u64"),
  /** Futex word of sleeping updaters. */
  event: "u32",
  /** Low half: slots from this index on have no owner. High half: how often a slot was claimed. */
  slotsUsed: "u64",
  /** When an updater first found `stallGp` held up, by the monotonic clock in milliseconds. */
  stallSince: "f64",
  /** Low 32 bits of the grace period that `stallSince` belongs to. */
  stallGp: "u32",
  /** Limbo record: the blocks given to `deferFree`. */
  limbo: aligned(CACHE_LINE, bytes(64)),
});

/** A reader's slot: two cache lines, the first for what its reader writes on the hot path. */
export const SLOT = defineLayout({
  /** RCU: the grace period seen at the outermost lock, or 0. */
  ctr: aligned(CACHE_LINE, "u64"),
  /** Non-zero: an updater waits for this reader, which must signal when it moves. */
  waiting: "u32",
  /** The token of a context that was expelled; another's than the owner's counts for nothing. */
  expelled: "u32",
  /** 1: an updater asks this reader to hurry; futex word of `onHurry`. */
  hurry: "u32",
  /** Owner token of the context that claimed the slot, 0 if free. */
  owner: aligned(CACHE_LINE, "u32"),
  /** 0 memory-barrier, 1 QSBR, 2 SRCU. */
  flavour: "u32",
  /** Bytes of the reader's label. */
  labelLength: "u32",
  /** The label in UTF-8. */
  label: bytes(32),
});

/** An SRCU domain's slot has these words in the place of `ctr`. */
export const SRCU_SLOT = defineLayout({
  /** Open sections by index. */
  active: array("u32", 2),
});
