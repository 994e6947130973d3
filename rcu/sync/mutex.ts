/**
 * A lock for writers in several workers that survives the death of its holder.
 *
 * @module
 */

import { type Arena, coreOf } from "../arena/arena.ts";
import type { ArenaCore } from "../arena/core.ts";
import { evictionHandlers, MemberType } from "../arena/members.ts";
import { destroyMember, registerMember } from "../arena/register_member.ts";
import { type ContextName, RcuError } from "../errors/rcu_error.ts";
import { BlockingForbiddenError, EvictedError } from "../errors/specific_errors.ts";
import { instantiateKernel, type Kernel } from "../kernel/kernel.ts";
import { LOCKED, MUTEX, TOKEN_BITS } from "../kernel/layouts.ts";
import { canBlock } from "./blocking.ts";
import { monotonicClock } from "./clock.ts";
import { DeadHolder } from "./dead_holder.ts";
import { pause } from "./pause.ts";
import { waitAsync } from "./wait_async.ts";
import { Deadline, type WaitOptions } from "./wait_options.ts";
import { refuseInSection, waitOutside } from "./waiting.ts";

/** What `lock` does, for error messages. */
const ACTION = "wait for a mutex";

/** Tries before a context sleeps: a lock is held for less time than a sleep takes. */
const SPINS = 100;

/** Where blocking is forbidden: how long to spin. */
const SPIN_LIMIT_MS = 100;

/** After how many milliseconds a holder is reported. */
const STALL_MS = 10_000;

evictionHandlers.set(MemberType.MUTEX, {
  expel: (memory, offset) => {
    const kernel = instantiateKernel(memory.memory);
    kernel.add32(MUTEX.event.at(offset), 1);
    kernel.notify(MUTEX.event.at(offset), -1);
  },
  evict: (memory, offset, token) => ({
    mutexes: instantiateKernel(memory.memory).mutexPassOn(offset, token),
  }),
});

/** A context that has held a mutex for long while others wait. */
type LockStall = Parameters<Mutex["onStall"]>[0];

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
  /**
   * Called, in this context, when it has waited for one holder for ten seconds: once for each holder
   * and wait. Unless it is set, reports go to `console.warn`. What it throws ends the wait.
   */
  onStall: (stall: {
    /** Offset of the mutex. */
    readonly mutex: number;
    /** The context that holds it. */
    readonly holder: ContextName;
    /** Milliseconds that this context has waited for it. */
    readonly elapsedMs: number;
  }) => void = warnOfStall;
  readonly #arena: Arena;
  readonly #core: ArenaCore;
  readonly #kernel: Kernel;
  readonly #token: number;
  readonly #record: number;

  private constructor(arena: Arena, offset: number) {
    this.offset = offset;
    this.#arena = arena;
    this.#core = coreOf(arena);
    this.#kernel = instantiateKernel(arena.memory);
    this.#token = arena.token;
    this.#record = this.#core.contexts.record;
  }

  /**
   * Creates a mutex that nobody holds.
   *
   * @param arena Where.
   * @returns The mutex.
   * @throws {ArenaExhaustedError} If the arena has no room.
   */
  static create(arena: Arena): Mutex {
    const offset = coreOf(arena).allocate(MUTEX.size, 16, true, true);
    registerMember(arena, offset, MemberType.MUTEX);
    return new Mutex(arena, offset);
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
    const { heapStart, heapEnd } = coreOf(arena).heap.geometry;
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
    const type = instantiateKernel(arena.memory).load32(MUTEX.memberType.at(offset)) >>> 0;
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
   * @param options What ends the wait.
   * @returns Whether a holder died.
   * @throws {WaitInSectionError} Inside a read-side section: the holder may be waiting for its end.
   * @throws {RcuError} `DEADLOCK` if this context holds it.
   * @throws {RcuError} `WAIT_TIMEOUT` after `timeoutMs`; names the holder.
   * @throws {BlockingForbiddenError} Where blocking is forbidden, if the lock is not free soon.
   * @throws {EvictedError} If this context was expelled.
   * @throws The signal's reason.
   */
  lock(options?: WaitOptions): LockOutcome {
    refuseInSection(ACTION);
    const locked = this.#kernel.mutexLock(this.offset, this.#token, this.#record);
    if (locked === LOCKED.ACQUIRED) return "acquired";
    return this.#outcome(locked) ??
      waitOutside(ACTION, () => this.#wait(new Deadline(ACTION, options)));
  }

  /**
   * Takes the lock if nobody holds it. Never waits.
   *
   * @returns Whether a holder died, or undefined if somebody holds the lock.
   * @throws {RcuError} `DEADLOCK` if this context holds it.
   * @throws {EvictedError} If this context was expelled.
   */
  tryLock(): LockOutcome | undefined {
    return this.#outcome(this.#kernel.mutexLock(this.offset, this.#token, this.#record));
  }

  /**
   * Takes the lock without blocking the thread; keeps the process alive while it waits. The lock
   * belongs to the context, not to the task: a second task must not lock it concurrently. An idle
   * QSBR reader of this context holds up nobody while it waits. If the platform says that the holder
   * has stopped, the lock passes on.
   *
   * @param options What ends the wait.
   * @returns Whether a holder died.
   * @throws {RcuError} `DEADLOCK` if this context holds it.
   * @throws {RcuError} `WAIT_TIMEOUT` after `timeoutMs`; names the holder.
   * @throws {EvictedError} If this context was expelled.
   * @throws The signal's reason, if it is aborted before the lock is taken.
   */
  async lockAsync(options: WaitOptions = {}): Promise<LockOutcome> {
    const deadline = new Deadline(ACTION, options);
    const dead = new DeadHolder(this.#arena);
    const waited = new Waited();
    for (;;) {
      deadline.signal?.throwIfAborted();
      const outcome = this.tryLock();
      if (outcome !== undefined) return outcome;
      const look = this.#look(deadline, waited);
      if (look === undefined) continue;
      if (dead.isDue) await dead.look(look.holder);
      const event = MUTEX.event.index(this.offset);
      await waitAsync(this.#arena.i32, event, look.seen, look.napMs, deadline.signal);
    }
  }

  /**
   * Releases the lock and wakes those who wait.
   *
   * @throws {RcuError} `NOT_LOCK_OWNER` if this context does not hold it.
   * @throws {EvictedError} If this context was evicted and has lost it.
   */
  unlock(): void {
    if (this.#kernel.mutexUnlock(this.offset, this.#token) === 0) this.#refuse();
  }

  /**
   * Declares what the lock guards consistent again, after `"owner-died"`.
   *
   * @throws {RcuError} `NOT_LOCK_OWNER` if this context does not hold the lock.
   * @throws {EvictedError} If this context was evicted and has lost it.
   */
  consistent(): void {
    if (this.#kernel.mutexConsistent(this.offset, this.#token) === 0) this.#refuse();
  }

  /** Token of the current holder, or 0. */
  get owner(): number {
    return this.#kernel.load32(MUTEX.lock.at(this.offset)) & TOKEN_MASK;
  }

  /**
   * Frees the mutex. No other context may use it any more.
   *
   * @throws {RcuError} `MUTEX_BUSY` if a context holds it.
   */
  destroy(): void {
    if (this.owner === this.#token || this.tryLock() === undefined) {
      throw new RcuError("MUTEX_BUSY", { owner: this.owner });
    }
    destroyMember(this.#arena, this.offset);
  }

  /** What `mutexLock` says, or undefined if the lock is held. */
  #outcome(locked: number): LockOutcome | undefined {
    switch (locked) {
      case LOCKED.ACQUIRED:
        return "acquired";
      case LOCKED.OWNER_DIED:
        return "owner-died";
      case LOCKED.BUSY:
        return undefined;
      case LOCKED.OWN:
        throw new RcuError("DEADLOCK", { token: this.#token });
      default:
        throw new EvictedError({ token: this.#token });
    }
  }

  #wait(deadline: Deadline): LockOutcome {
    const waited = new Waited();
    for (let spin = 0;; spin++) {
      const outcome = this.tryLock();
      if (outcome !== undefined) return outcome;
      if (spin < SPINS || !canBlock() && waited.ms < SPIN_LIMIT_MS) {
        pause();
        continue;
      }
      if (!canBlock()) throw new BlockingForbiddenError({ action: ACTION });
      const look = this.#look(deadline, waited);
      if (look !== undefined) {
        this.#kernel.wait32(MUTEX.event.at(this.offset), look.seen, look.napMs);
      }
    }
  }

  /**
   * What a wait does before it sleeps: EVENT first, then the mark that makes the release add to it, then
   * whether this context is still attached; `kernel/mutex.as.ts` says why no wake-up is lost. Undefined:
   * the lock may be free.
   */
  #look(deadline: Deadline, waited: Waited): Look | undefined {
    const seen = this.#kernel.load32(MUTEX.event.at(this.offset));
    const holder = this.#kernel.mutexArm(this.offset);
    this.#core.checkAttached();
    if (holder === 0) return undefined;
    if (this.#core.contexts.isGone(holder)) {
      // Whoever evicts it has not come here yet, or has died before.
      this.#kernel.mutexPassOn(this.offset, holder);
      return undefined;
    }
    const napMs = deadline.check(() => this.#nameOf(holder));
    if (waited.isStall(holder)) {
      const name = this.#core.contexts.nameOf(holder);
      this.onStall({ mutex: this.offset, holder: name, elapsedMs: waited.ms });
    }
    return { seen, holder, napMs };
  }

  #nameOf(holder: number): string {
    return `worker "${this.#core.contexts.nameOf(holder).label}" (context ${holder})`;
  }

  #refuse(): never {
    this.#core.checkAttached();
    throw new RcuError("NOT_LOCK_OWNER", { token: this.#token, owner: this.owner });
  }
}

const TOKEN_MASK = 2 ** TOKEN_BITS - 1;

/** What a wait found when it last looked. */
interface Look {
  /** What EVENT held before. */
  readonly seen: number;
  /** Token of the holder. */
  readonly holder: number;
  /** How long to sleep at most. */
  readonly napMs: number;
}

/** How long a context has waited for each holder of a mutex. */
class Waited {
  #holder = 0;
  #since = monotonicClock();
  #reported = false;

  /** Milliseconds since the wait began, or the holder changed. */
  get ms(): number {
    return monotonicClock() - this.#since;
  }

  /** Whether a holder is to be reported now. */
  isStall(holder: number): boolean {
    if (holder !== this.#holder) {
      this.#holder = holder;
      this.#since = monotonicClock();
      this.#reported = false;
    }
    if (this.#reported || this.ms < STALL_MS) return false;
    this.#reported = true;
    return true;
  }
}

/** What becomes of a report unless `onStall` is set. */
function warnOfStall({ mutex, holder, elapsedMs }: LockStall): void {
  console.warn(
    `guestmem: worker "${holder.label}" (context ${holder.token}) has held the mutex at ` +
      `0x${mutex.toString(16)} for ${
        Math.round(elapsedMs / 100) / 10
      } s while others wait. If the ` +
      `worker is dead, arena.evict(${holder.token}) passes it on.`,
  );
}
