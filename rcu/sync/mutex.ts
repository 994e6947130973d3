/**
 * A lock for writers in several workers that survives the death of its holder.
 *
 * @module
 */

import { type Arena, coreOf } from "../arena/arena.ts";
import type { ArenaCore } from "../arena/core.ts";
import {
  acquire,
  CONTENDED,
  isConsistent,
  markContended,
  passOn,
  RECHECK_MS,
  release,
  setInconsistent,
  TOKEN_MASK,
  tryAcquire,
} from "../arena/lock.ts";
import { evictionHandlers, MemberType } from "../arena/members.ts";
import { unregisterMember } from "../arena/register_member.ts";
import { RcuError } from "../errors/rcu_error.ts";
import { defineLayout } from "../layout/layout.ts";
import { waitAsync } from "./wait_async.ts";
import { refuseInSection, waitOutside } from "./waiting.ts";

/** A mutex's block. */
const MUTEX = defineLayout({
  /** The arena's: its next member, and the type of this one. */
  memberNext: "u32",
  memberType: "u32",
  /** The lock word, see `arena/lock.ts`. */
  lock: "u32",
});

/** What `lock` does, for error messages. */
const ACTION = "wait for a mutex";

evictionHandlers.set(MemberType.MUTEX, (memory, offset, token) => ({
  mutexes: passOn(memory.i32, MUTEX.lock.index(offset), token) ? 1 : 0,
}));

/**
 * How a lock was taken. `"owner-died"`: a holder died, and nobody has called `consistent()` since;
 * what the lock guards may be half-changed. The caller holds the lock in both cases.
 */
export type LockOutcome = "acquired" | "owner-died";

/**
 * A mutual-exclusion lock in the arena, shared by offset. It belongs to the context that took it,
 * is not recursive and not fair. When its holder is evicted it passes on, as POSIX's robust mutexes
 * do. Unlike those it never becomes unusable: until somebody calls `consistent()`, each holder gets
 * `"owner-died"`.
 *
 * Whatever was written before `unlock()` is seen after the next `lock()`. Any context that is attached
 * to the arena may use it, but not inside a read-side section, since it may wait.
 *
 * @example
 * ```ts
 * import { Arena, Mutex } from "@guestmem/rcu";
 *
 * const arena = Arena.create({ bytes: 1 << 20 });
 * const mutex = Mutex.create(arena); // other workers: Mutex.attach(arena, offset)
 * const counter = arena.allocate(16);
 *
 * if (mutex.lock() === "owner-died") {
 *   arena.u32[counter / 4] = 0;
 *   mutex.consistent();
 * }
 * arena.u32[counter / 4]! += 1;
 * mutex.unlock();
 * ```
 */
export class Mutex {
  /** Where it lies; what other contexts attach with. */
  readonly offset: number;
  readonly #arena: Arena;
  readonly #core: ArenaCore;
  readonly #i32: Int32Array;
  readonly #index: number;

  private constructor(arena: Arena, offset: number) {
    this.offset = offset;
    this.#arena = arena;
    this.#core = coreOf(arena);
    this.#i32 = arena.i32;
    this.#index = MUTEX.lock.index(offset);
  }

  /**
   * Creates a mutex that nobody holds.
   *
   * @param arena Where.
   * @returns The mutex.
   * @throws {ArenaExhaustedError} If the arena has no room.
   */
  static create(arena: Arena): Mutex {
    return new Mutex(arena, coreOf(arena).allocate(MUTEX.size, 16, true, MemberType.MUTEX));
  }

  /**
   * Attaches to a mutex that another context created.
   *
   * @param arena The arena that it lies in.
   * @param offset Its `offset`.
   * @returns The mutex.
   * @throws {RcuError} `FOREIGN_HANDLE` if no mutex lies there.
   */
  static attach(arena: Arena, offset: number): Mutex {
    const { heapStart, heapEnd } = coreOf(arena).geometry;
    const inside = Number.isInteger(offset) && offset % 16 === 0 && offset > heapStart &&
      offset < heapEnd;
    if (!inside) {
      throw new RcuError("FOREIGN_HANDLE", {
        what: "mutex",
        field: "offset",
        expected: "a block of the arena",
        actual: offset,
      });
    }
    const type = MUTEX.memberType.get(arena.u32, offset);
    if (type !== MemberType.MUTEX) {
      throw new RcuError("FOREIGN_HANDLE", {
        what: "mutex",
        field: "type",
        expected: MemberType.MUTEX,
        actual: type,
      });
    }
    return new Mutex(arena, offset);
  }

  /**
   * Takes the lock, blocking the thread until it is free. Where blocking is forbidden it spins for a
   * bounded time: use {@linkcode Mutex.lockAsync} there.
   *
   * A QSBR reader of this context is offline while it waits.
   *
   * @returns Whether a holder died.
   * @throws {WaitInSectionError} Inside a read-side section: the holder may be waiting for its end.
   * @throws {RcuError} `DEADLOCK` if this context holds it.
   * @throws {RcuError} `LOCK_TIMEOUT` where blocking is forbidden, if the lock is not free soon.
   * @throws {EvictedError} If this context was evicted.
   */
  lock(): LockOutcome {
    refuseInSection(ACTION);
    return this.tryLock() ?? waitOutside(ACTION, () => {
      return acquire(this.#i32, this.#index, this.#core) ? "acquired" : "owner-died";
    });
  }

  /**
   * Takes the lock if nobody holds it. Never waits.
   *
   * @returns Whether a holder died, or undefined if somebody holds the lock.
   * @throws {RcuError} `DEADLOCK` if this context holds it.
   * @throws {EvictedError} If this context was evicted.
   */
  tryLock(): LockOutcome | undefined {
    this.#core.checkAttached();
    return tryAcquire(this.#i32, this.#index, this.#core) ? this.#outcome() : undefined;
  }

  /**
   * Takes the lock without blocking the thread; keeps the process alive while it waits. The lock
   * belongs to the context, not to the task: a second task must not lock it concurrently. An idle
   * QSBR reader of this context holds up nobody while it waits.
   *
   * @param options A signal that gives up the wait.
   * @returns Whether a holder died.
   * @throws {RcuError} `DEADLOCK` if this context holds it.
   * @throws {EvictedError} If this context was evicted.
   * @throws The signal's reason, if it is aborted before the lock is taken.
   */
  async lockAsync(options: { readonly signal?: AbortSignal } = {}): Promise<LockOutcome> {
    const { signal } = options;
    signal?.throwIfAborted();
    for (let mark = 0;; mark = CONTENDED) {
      this.#core.checkAttached();
      if (tryAcquire(this.#i32, this.#index, this.#core, mark)) return this.#outcome();
      const word = markContended(this.#i32, this.#index);
      if (word !== 0) await waitAsync(this.#i32, this.#index, word, RECHECK_MS, signal);
      if (signal?.aborted) {
        // The release may have woken this waiter alone: hand its turn to the next.
        Atomics.notify(this.#i32, this.#index, 1);
        throw signal.reason;
      }
    }
  }

  /**
   * Releases the lock and wakes one waiter.
   *
   * @throws {RcuError} `NOT_LOCK_OWNER` if this context does not hold it.
   * @throws {EvictedError} If this context was evicted and has lost it.
   */
  unlock(): void {
    release(this.#i32, this.#index, this.#core);
  }

  /**
   * Declares what the lock guards consistent again, after `"owner-died"`.
   *
   * @throws {RcuError} `NOT_LOCK_OWNER` if this context does not hold the lock.
   */
  consistent(): void {
    const owner = this.owner;
    if (owner !== this.#core.token) {
      throw new RcuError("NOT_LOCK_OWNER", { token: this.#core.token, owner });
    }
    setInconsistent(this.#i32, this.#index, false);
  }

  /** Token of the current holder, or 0. */
  get owner(): number {
    return Atomics.load(this.#i32, this.#index) & TOKEN_MASK;
  }

  /**
   * Frees the mutex. No other context may use it any more.
   *
   * @throws {RcuError} `MUTEX_BUSY` if a context holds it.
   */
  destroy(): void {
    this.#core.checkAttached();
    if (this.owner === this.#core.token || !tryAcquire(this.#i32, this.#index, this.#core)) {
      throw new RcuError("MUTEX_BUSY", { owner: this.owner });
    }
    unregisterMember(this.#arena, this.offset);
    MUTEX.memberType.set(this.#arena.u32, this.offset, 0);
    this.#arena.free(this.offset);
  }

  #outcome(): LockOutcome {
    return isConsistent(this.#i32, this.#index) ? "acquired" : "owner-died";
  }
}
