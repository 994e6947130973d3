/**
 * RCU domains.
 *
 * @module
 */

import type { Arena } from "../arena/arena.ts";
import {
  checkDomain,
  createBlock,
  type DomainHandle,
  type DomainOptions,
} from "../grace_period/block.ts";
import { GracePeriodDomain } from "../grace_period/domain.ts";
import { rcuEngine } from "../grace_period/engine.ts";
import { MembReader } from "./memb_reader.ts";
import { QsbrReader } from "./qsbr_reader.ts";

/** Options of `RcuDomain.register`. */
export interface ReaderOptions<F extends "memb" | "qsbr"> {
  /** How the reader reports quiescent states; `"memb"` unless given. */
  readonly flavour?: F;
  /** A name for reports, at most 32 bytes of UTF-8. */
  readonly label?: string;
}

/** Narrow interface of a domain for those who update data structures. */
export interface Reclaimer {
  /** Runs `run` in this context after a grace period; see {@linkcode RcuDomain.callRcu}. */
  callRcu(run: () => void): void;
  /** Frees an arena block after a grace period; see {@linkcode RcuDomain.deferFree}. */
  deferFree(block: number): void;
}

/**
 * An RCU domain in an arena: its readers never wait, and its updaters wait for all sections that
 * began before. Any context that has attached to the arena may read, update, or both.
 *
 * @example
 * ```ts
 * import { Arena, RcuDomain, RcuPointer } from "@guestmem/rcu";
 * import { assertEquals } from "@std/assert";
 *
 * const arena = Arena.create({ bytes: 1 << 20 });
 * const domain = RcuDomain.create(arena, { readers: 4 });
 * // A worker that was posted `arena.handle` and `domain.handle` does the same as this:
 * const attached = RcuDomain.attach(Arena.attach(arena.handle), domain.handle);
 * const reader = attached.register({ label: "worker" });
 *
 * const pointer = RcuPointer.create(arena, arena.allocate(64));
 * const section = reader.lock();
 * pointer.dereference(section);
 * section.unlock();
 *
 * const old = pointer.exchange(arena.allocate(64));
 * domain.synchronize(); // no section that saw `old` is open any more
 * arena.free(old);
 * assertEquals(domain.stats().readers, 1);
 * ```
 */
export class RcuDomain extends GracePeriodDomain implements Reclaimer {
  /** What another context attaches with. Structured-cloneable. */
  readonly handle: DomainHandle;

  private constructor(arena: Arena, handle: DomainHandle) {
    super(arena, handle.offset, rcuEngine(arena.kernel, handle.offset));
    this.handle = handle;
  }

  /**
   * Creates a domain in an arena.
   *
   * @param arena The arena.
   * @param options Limits and the label.
   * @throws {ArenaExhaustedError} If the arena has no room.
   * @throws {RcuError} `LABEL_TOO_LONG`: if the label does not fit.
   * @throws {RangeError} If a limit is out of its range.
   */
  static create(arena: Arena, options: DomainOptions = {}): RcuDomain {
    return new RcuDomain(arena, createBlock(arena, "guestmem-rcu", options));
  }

  /**
   * Attaches this context to a domain that another one created.
   *
   * @param arena The arena, as this context attached to it.
   * @param handle The domain's `handle`.
   * @throws {RcuError} `FOREIGN_DOMAIN`: if the handle names no RCU domain of this arena.
   */
  static attach(arena: Arena, handle: DomainHandle): RcuDomain {
    checkDomain(arena, "guestmem-rcu", handle);
    return new RcuDomain(arena, handle);
  }

  /**
   * Registers this context as a reader, once. A QSBR reader starts online.
   *
   * @param options Flavour and label.
   * @returns The reader, for this context alone, until `unregister()`.
   * @throws {RcuError} `ALREADY_REGISTERED`: if this context has a reader in this domain.
   * @throws {RcuError} `READER_LIMIT`: if as many readers are registered as the domain was created for.
   * @throws {RcuError} `LABEL_TOO_LONG`: if the label does not fit.
   */
  register(options?: ReaderOptions<"memb">): MembReader;
  /** As above, in the QSBR flavour. */
  register(options: ReaderOptions<"qsbr">): QsbrReader;
  register(options: ReaderOptions<"memb" | "qsbr"> = {}): MembReader | QsbrReader {
    const { flavour = "memb", label = "" } = options;
    const slot = this.claim(flavour, label);
    const place = { arena: this.arena, domain: this.offset, slot, label };
    return flavour === "memb" ? new MembReader(place) : new QsbrReader(place);
  }

  /**
   * Blocks until every read-side section that was open at the call has ended. What was unlinked
   * before is referenced by nobody afterwards. A QSBR reader of this context is offline meanwhile.
   *
   * @throws {WaitInSectionError} Inside a read-side section.
   * @throws {BlockingForbiddenError} Where blocking is forbidden and no reader moves soon.
   */
  synchronize(): void {
    this.wait("wait for a grace period");
  }

  /** As `synchronize`, and asks the readers in the way to move at once. */
  synchronizeExpedited(): void {
    this.wait("wait for a grace period", true);
  }

  /**
   * As `synchronize`, without blocking the thread.
   *
   * @param options A signal that ends the wait; the promise rejects with its reason.
   */
  synchronizeAsync(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    return this.waitAsync(options.signal);
  }

  /**
   * Runs a function after a grace period, in this context, from its event loop or inside its
   * `barrier()`; functions run in the order in which they were queued. What a function throws is an
   * uncaught error of this context. If the context dies first, its functions are lost.
   *
   * @param run What to run. It may queue and defer again, but not assume any section or lock.
   * @throws {DeferredBudgetError} If this context has as many functions queued as the budget allows.
   */
  callRcu(run: () => void): void {
    this.queue(run);
  }

  /**
   * Blocks until the functions that this context has queued have run, and the blocks that any
   * context has deferred are freed. Never waits for another context's event loop.
   *
   * @throws {WaitInSectionError} Inside a read-side section.
   * @throws {BlockingForbiddenError} Where blocking is forbidden and no reader moves soon.
   */
  barrier(): void {
    this.drain("wait for deferred work");
  }

  /** As `barrier`, without blocking the thread. */
  barrierAsync(): Promise<void> {
    return this.drainAsync();
  }
}
