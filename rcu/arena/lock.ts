/**
 * The lock: one word that names its holder. 0 is free; otherwise the low 30 bits are the holder's
 * token, bit 31 says that somebody may be waiting, and bit 30 that a holder died, or failed, with
 * what the lock guards half-changed. The protocol is that of Drepper's "Futexes Are Tricky", with
 * the owner's token in the word as Linux's robust futexes have it.
 *
 * All operations on the word are seq-cst. Acquiring reads what the last release wrote, so plain
 * accesses between the two are ordered; WebAssembly and JavaScript have nothing weaker that would
 * do, and a plain store would not be a release.
 *
 * @module
 */

import { RcuError } from "../errors/rcu_error.ts";
import { EvictedError } from "../errors/specific_errors.ts";

/** Somebody may be waiting: the release has to wake one. */
export const CONTENDED = 1 << 31;
/** What the lock guards may be half-changed. */
export const INCONSISTENT = 1 << 30;
/** The holder's token. */
export const TOKEN_MASK = INCONSISTENT - 1;

/** Rounds of spinning before a context sleeps: about as long as an allocation holds the lock. */
const SPIN_ROUNDS = 100;
/** Where blocking is forbidden: how long to spin. */
const SPIN_LIMIT_MS = 100;
/** How often a sleeper checks the holder: the context that evicted it may have died before it woke us. */
export const RECHECK_MS = 1000;

/** Whether this context may block. A browser's main thread may not: `Atomics.wait` throws there. */
export function detectBlocking(): boolean {
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1, 0);
    return true;
  } catch {
    return false;
  }
}

/** What a context brings to a lock. */
export interface LockContext {
  /** Its token. */
  readonly token: number;
  /** Whether it may block. */
  readonly blocking: boolean;
  /** Whether the context with this token is gone: evicted, closed, or never there. */
  isGone(token: number): boolean;
}

/**
 * Takes the lock if nobody holds it, or if its holder is gone.
 *
 * @param i32 The arena's memory.
 * @param index The lock word.
 * @param context The caller.
 * @param mark {@linkcode CONTENDED} if others may be waiting, else 0.
 * @returns Whether it was taken.
 */
export function tryAcquire(
  i32: Int32Array,
  index: number,
  context: LockContext,
  mark = 0,
): boolean {
  for (;;) {
    const word = Atomics.load(i32, index);
    const owner = word & TOKEN_MASK;
    let taken = context.token | (word & (CONTENDED | INCONSISTENT)) | mark;
    if (owner === context.token) throw new RcuError("DEADLOCK", { token: context.token });
    if (owner !== 0) {
      if (!context.isGone(owner)) return false;
      taken |= INCONSISTENT;
    }
    if (Atomics.compareExchange(i32, index, word, taken) === word) return true;
  }
}

/**
 * Takes the lock, waiting until it is free. Not fair: a newcomer may get it
 * before a waiter that was woken.
 *
 * @param i32 The arena's memory.
 * @param index The lock word.
 * @param context The caller.
 * @returns Whether what it guards is consistent; false if a holder died or failed half-way.
 * @throws {RcuError} `DEADLOCK` if the caller holds it.
 * @throws {EvictedError} If the caller was evicted while it waited.
 * @throws {RcuError} `LOCK_TIMEOUT` if the caller may not block and the lock is not free soon.
 */
export function acquire(i32: Int32Array, index: number, context: LockContext): boolean {
  if (Atomics.compareExchange(i32, index, 0, context.token) === 0) return true;
  for (let round = 0; round < SPIN_ROUNDS; round++) {
    const word = Atomics.load(i32, index);
    if ((word & TOKEN_MASK) === 0 && tryAcquire(i32, index, context)) {
      return isConsistent(i32, index);
    }
  }
  if (!context.blocking) return spin(i32, index, context);
  // Woken or not, this context cannot know whether others wait too, so it keeps the mark.
  while (!tryAcquire(i32, index, context, CONTENDED)) {
    const word = markContended(i32, index);
    if (word !== 0) Atomics.wait(i32, index, word, RECHECK_MS);
    if (context.isGone(context.token)) throw new EvictedError({ token: context.token });
  }
  return isConsistent(i32, index);
}

/**
 * Announces a waiter.
 *
 * @returns The word to wait on, or 0 if nobody holds the lock.
 */
export function markContended(i32: Int32Array, index: number): number {
  for (;;) {
    const word = Atomics.load(i32, index);
    if ((word & TOKEN_MASK) === 0) return 0;
    if ((word & CONTENDED) !== 0) return word;
    if (Atomics.compareExchange(i32, index, word, word | CONTENDED) === word) {
      return word | CONTENDED;
    }
  }
}

/** Spins for a bounded time. */
function spin(i32: Int32Array, index: number, context: LockContext): boolean {
  const deadline = performance.now() + SPIN_LIMIT_MS;
  do {
    for (let round = 0; round < SPIN_ROUNDS; round++) {
      if (tryAcquire(i32, index, context)) return isConsistent(i32, index);
    }
  } while (performance.now() < deadline);
  throw new RcuError("LOCK_TIMEOUT", {
    owner: Atomics.load(i32, index) & TOKEN_MASK,
    milliseconds: SPIN_LIMIT_MS,
  });
}

/** Whether what the lock guards is not half-changed. The caller holds the lock. */
export function isConsistent(i32: Int32Array, index: number): boolean {
  return (Atomics.load(i32, index) & INCONSISTENT) === 0;
}

/** Sets or clears the mark of a half-done change. The caller holds the lock. */
export function setInconsistent(i32: Int32Array, index: number, inconsistent: boolean): void {
  if (inconsistent) Atomics.or(i32, index, INCONSISTENT);
  else Atomics.and(i32, index, ~INCONSISTENT);
}

/**
 * Releases the lock and wakes one waiter. The mark of a half-done change stays.
 *
 * @param i32 The arena's memory.
 * @param index The lock word.
 * @param context The caller.
 * @throws {RcuError} `NOT_LOCK_OWNER` if another context holds it, or nobody.
 * @throws {EvictedError} If the caller was evicted and lost the lock by it.
 */
export function release(i32: Int32Array, index: number, context: LockContext): void {
  if (Atomics.compareExchange(i32, index, context.token, 0) === context.token) return;
  for (;;) {
    const word = Atomics.load(i32, index);
    const owner = word & TOKEN_MASK;
    if (owner !== context.token) {
      if (context.isGone(context.token)) throw new EvictedError({ token: context.token });
      throw new RcuError("NOT_LOCK_OWNER", { token: context.token, owner });
    }
    if (Atomics.compareExchange(i32, index, word, word & INCONSISTENT) === word) {
      if ((word & CONTENDED) !== 0) Atomics.notify(i32, index, 1);
      return;
    }
  }
}

/**
 * Frees a lock that a dead context holds, marked as inconsistent, and wakes a waiter.
 *
 * @param i32 The arena's memory.
 * @param index The lock word.
 * @param dead Token of the dead context, already marked as evicted.
 * @returns Whether it held the lock.
 */
export function passOn(i32: Int32Array, index: number, dead: number): boolean {
  for (;;) {
    const word = Atomics.load(i32, index);
    if ((word & TOKEN_MASK) !== dead) return false;
    if (Atomics.compareExchange(i32, index, word, INCONSISTENT) === word) {
      if ((word & CONTENDED) !== 0) Atomics.notify(i32, index, 1);
      return true;
    }
  }
}
