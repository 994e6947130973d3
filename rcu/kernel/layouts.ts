/**
 * What lies in a grace-period domain (an RCU domain or an SRCU domain) and in a reader's slot.
 * `deno task kernel` makes the kernel's constants from every layout that this module exports:
 * `DOMAIN.gpCtr` is `DOMAIN_GP_CTR` there, and the size `DOMAIN_SIZE`.
 *
 * `rcu/README.md` says who writes and who reads each word, and under what.
 *
 * @module
 */

import { aligned, array, bytes, CACHE_LINE, defineLayout } from "../layout/layout.ts";

/** A domain's block in the arena; its reader slots follow. */
export const DOMAIN = defineLayout({
  /** The arena's: its next member. */
  memberNext: "u32",
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
  /** After how many milliseconds a grace period counts as stalled. */
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
  /** Slots from this index on were never claimed. */
  slotsUsed: "u32",
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
  /** 1: the reader was evicted; the slot rests until its worker learns of it. */
  evicted: "u32",
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
