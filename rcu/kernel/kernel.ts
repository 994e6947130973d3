/**
 * The WebAssembly kernel of package rcu: the ordered accesses of the hot paths.
 *
 * @module
 */

import { KERNEL_BASE64 } from "./bytes.ts";
import { kernelLoader } from "./loader.ts";

/**
 * The functions of the kernel, over one shared memory. Addresses are byte offsets into that memory;
 * results beyond 2^31 come back negative, so callers apply `>>> 0`.
 */
export interface Kernel {
  /** Loads a 32-bit word, sequentially consistent. */
  load32(cell: number): number;
  /** Stores a 32-bit word, sequentially consistent. */
  store32(cell: number, value: number): void;
  /** Stores a 32-bit word and returns what it held. */
  exchange32(cell: number, value: number): number;
  /** Stores `value` if the word holds `expected`; returns what it held. */
  compareExchange32(cell: number, expected: number, value: number): number;
  /** Adds to a 32-bit word and returns what it held. */
  add32(cell: number, value: number): number;
  /** Loads a 64-bit counter (exact up to 2^53). */
  load64(cell: number): number;
  /** Wakes up to `count` waiters (negative: all); returns how many. */
  notify(cell: number, count: number): number;
  /**
   * Blocks while the word holds `expected`. Returns 0 if notified, 1 if the value differed, 2 if
   * timed out; a negative timeout waits for ever. Throws where the agent must not block.
   */
  wait32(cell: number, expected: number, milliseconds: number): number;
  /** Loads two adjacent words as one 64-bit word; returns the first. */
  pairLoad(cell: number): number;
  /** The second word of this instance's last `pairLoad`. */
  pairSecond(): number;
  /** Loads two adjacent words as one 64-bit word; 1 if they are `first` and `second`, else 0. */
  pairIs(cell: number, first: number, second: number): number;
  /** Stores two adjacent words as one 64-bit word. */
  pairStore(cell: number, first: number, second: number): void;
  /** Enters a memory-barrier section; not 0 if the slot is marked as expelled. */
  lock(domain: number, slot: number): number;
  /** Leaves a section, or goes offline in the QSBR flavour. */
  unlock(domain: number, slot: number): void;
  /**
   * A whole section that reads one word of the block that `cell` points at; -1 if the slot is marked
   * as expelled, -2 if the cell points at none.
   */
  readWord(domain: number, slot: number, cell: number, offset: number): number;
  /** Reports a quiescent state in the QSBR flavour; not 0 if the slot is marked as expelled. */
  quiescent(domain: number, slot: number): number;
  /**
   * Claims a reader slot for the context `token`: the slot, or 0 if every one has an owner. `srcu` is
   * 1 in an SRCU domain, whose slots count sections, else 0.
   */
  claimSlot(domain: number, token: number, srcu: number): number;
  /** Gives a slot back if it belongs to the context `token`; 1 if it did, else 0. */
  releaseSlot(domain: number, slot: number, token: number): number;
  /** Gives back the slots of the context `token`, which runs no more; how many. */
  evictSlots(domain: number, token: number): number;
  /** Marks the slots of the context `token` as expelled; how many. */
  expelSlots(domain: number, token: number): number;
  /** 1 if the mark in a slot of the context `token` is meant for it; else takes it away. */
  isExpelled(slot: number, token: number): number;
  /** The cookie of the first grace period that starts after this call. */
  startPoll(domain: number): number;
  /** Drives grace periods until `cookie` is over: 0, or the slot that is in the way. */
  advance(domain: number, cookie: number): number;
  /**
   * Asks the readers in the way to signal when they move; with `hurry`, also to hurry. Returns the
   * slot of one that was still in the way after it had been asked, or 0.
   */
  arm(domain: number, hurry: number): number;
  /** Enters an SRCU section; its index, plus 2 if the slot is marked as expelled. */
  srcuLock(domain: number, slot: number): number;
  /** Leaves an SRCU section. */
  srcuUnlock(domain: number, slot: number, index: number): void;
  /** The sequence at which a grace period that starts after this call is over. */
  srcuStartPoll(domain: number): number;
  /** Drives SRCU grace periods until `cookie` is reached: 0, or the slot that is in the way. */
  srcuAdvance(domain: number, cookie: number): number;
  /** As `arm`, for SRCU readers. */
  srcuArm(domain: number, hurry: number): number;
  /** Claims a record of a context table of `count`, with a token from a cell: the record, or 0. */
  joinContext(table: number, count: number, tokens: number): number;
  /** Moves a context from one `CONTEXT_STATE` to another; 1 if it was in the first, else 0. */
  moveContext(record: number, token: number, from: number, to: number): number;
  /** 1 if a context of the table that may still run has pinned the members, else 0. */
  isPinned(table: number, count: number): number;
  /** Adds a member to the list; its entry, or 0 if the list needs another chunk. */
  addMember(registry: number, offset: number): number;
  /** Retires the entry of a member; 1 if this call did, else 0. */
  retireMember(registry: number, entry: number, offset: number): number;
  /** Drops a retired entry that holds these two words; 1 if this call did, else 0. */
  dropMember(entry: number, offset: number, above: number): number;
  /** Takes a mutex for the context `token` with its record, if it is free: one of `LOCKED`. */
  mutexLock(mutex: number, token: number, record: number): number;
  /** Releases a mutex that the context `token` holds; 1 if it did, else 0. */
  mutexUnlock(mutex: number, token: number): number;
  /** Announces one who waits for a mutex: its holder, or 0. */
  mutexArm(mutex: number): number;
  /** Takes away the mark of a holder that died; 1 if the context `token` holds the mutex, else 0. */
  mutexConsistent(mutex: number, token: number): number;
  /** Frees a mutex that the context `token` holds, which runs no more, and wakes all; 1 if it did. */
  mutexPassOn(mutex: number, token: number): number;
}

/**
 * The kernel over a shared memory of at most 65,536 pages, instantiated once in each context. Its
 * functions live as long as the memory.
 */
export const instantiateKernel: (memory: WebAssembly.Memory) => Kernel = kernelLoader(
  KERNEL_BASE64,
);
