/**
 * Sleepable RCU: domains whose sections may span an await.
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
import { srcuEngine } from "../grace_period/engine.ts";
import { SrcuReader } from "./reader.ts";

/**
 * A sleepable domain: a section is a token of its own, so the tasks of one worker may hold several
 * at once, across awaits. A grace period waits for the sections of this domain alone.
 *
 * The algorithm is that of Linux's SRCU: each reader counts its open sections under one of two
 * indices; a grace period drains the index that is not current, flips, and drains the other.
 *
 * @example
 * ```ts
 * import { Arena, RcuPointer, Srcu } from "@guestmem/rcu";
 *
 * const arena = Arena.create({ bytes: 1 << 20 });
 * const srcu = Srcu.create(arena);
 * const reader = srcu.register();
 * const pointer = RcuPointer.create(arena, arena.allocate(16));
 *
 * const section = reader.lock();
 * const block = pointer.dereference(section);
 * await Promise.resolve(); // the block is safe across the await
 * arena.u32[block / 4] = 1;
 * section.unlock();
 *
 * const old = pointer.exchange(0);
 * await srcu.synchronizeSrcuAsync();
 * arena.free(old);
 * ```
 */
export class Srcu extends GracePeriodDomain {
  /** What another context attaches with. Structured-cloneable. */
  readonly handle: DomainHandle;

  private constructor(arena: Arena, handle: DomainHandle) {
    super(arena, handle.offset, srcuEngine(arena.kernel, handle.offset));
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
  static create(arena: Arena, options: DomainOptions = {}): Srcu {
    return new Srcu(arena, createBlock(arena, "guestmem-srcu", options));
  }

  /**
   * Attaches this context to a domain that another one created.
   *
   * @param arena The arena, as this context attached to it.
   * @param handle The domain's `handle`.
   * @throws {RcuError} `FOREIGN_DOMAIN`: if the handle names no SRCU domain of this arena.
   */
  static attach(arena: Arena, handle: DomainHandle): Srcu {
    checkDomain(arena, "guestmem-srcu", handle);
    return new Srcu(arena, handle);
  }

  /**
   * Registers this context as a reader, once.
   *
   * @param options A label for reports, at most 32 bytes of UTF-8.
   * @returns The reader, for this context alone, until `unregister()`.
   * @throws {RcuError} `ALREADY_REGISTERED`: if this context has a reader in this domain.
   * @throws {RcuError} `READER_LIMIT`: if as many readers are registered as the domain was created for.
   * @throws {RcuError} `LABEL_TOO_LONG`: if the label does not fit.
   */
  register(options: { readonly label?: string } = {}): SrcuReader {
    const { label = "" } = options;
    const slot = this.claim("srcu", label);
    return new SrcuReader({ arena: this.arena, domain: this.offset, slot, label });
  }

  /**
   * Blocks until every section of this domain that was open at the call has ended.
   *
   * @throws {WaitInSectionError} While this context has an open section of this domain, whichever
   * task holds it, or an open RCU section.
   * @throws {BlockingForbiddenError} Where blocking is forbidden and no reader moves soon.
   */
  synchronizeSrcu(): void {
    this.wait("wait for an SRCU grace period");
  }

  /**
   * As `synchronizeSrcu`, and asks the readers in the way to move at once, also those that hold up a
   * grace period already in progress.
   */
  synchronizeSrcuExpedited(): void {
    this.wait("wait for an SRCU grace period", true);
  }

  /**
   * As `synchronizeSrcu`, without blocking the thread, so that this context's own sections can end.
   *
   * @param options A signal that ends the wait; the promise rejects with its reason.
   */
  synchronizeSrcuAsync(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    return this.waitAsync(options.signal);
  }

  /**
   * Runs a function after a grace period, in this context, from its event loop or inside its
   * `srcuBarrier()`, in the order in which they were queued. What it throws is an uncaught error of
   * this context. If the context dies first, its functions are lost.
   *
   * @param run What to run.
   * @throws {DeferredBudgetError} If this context has as many functions queued as the budget allows.
   */
  callSrcu(run: () => void): void {
    this.queue(run);
  }

  /**
   * Blocks until the functions that this context has queued have run, and the blocks that any
   * context has deferred are freed.
   *
   * @throws {WaitInSectionError} As `synchronizeSrcu`.
   */
  srcuBarrier(): void {
    this.drain("wait for deferred work");
  }

  /** As `srcuBarrier`, without blocking the thread. */
  srcuBarrierAsync(): Promise<void> {
    return this.drainAsync();
  }
}
