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
} from "../grace_period/domain_block.ts";
import { Domain } from "../grace_period/domain.ts";
import { claimSlot } from "../grace_period/slots.ts";
import { Deadline, type WaitOptions } from "../sync/wait_options.ts";
import { SrcuReader } from "./srcu_reader.ts";

/** What `synchronizeSrcu` does, for errors. */
const SYNCHRONIZE = "wait for an SRCU grace period";

/**
 * A sleepable domain: each section is independent, so the tasks of one worker may hold several at
 * once, across awaits. A grace period waits for the sections of this domain alone.
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
 * const guard = reader.lock();
 * const block = pointer.dereference(guard);
 * await Promise.resolve(); // the block is safe across the await
 * arena.u32[block / 4] = 1;
 * guard.unlock();
 *
 * const old = pointer.exchange(0);
 * await srcu.synchronizeSrcuAsync();
 * arena.free(old);
 * ```
 */
export class Srcu extends Domain {
  /**
   * Creates a domain in an arena.
   *
   * @param arena The arena.
   * @param options Limits and the label.
   * @throws {ArenaExhaustedError} If the arena has no room.
   * @throws {RcuError} `LABEL_TOO_LONG`: the label does not fit.
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
   * @throws {RcuError} `FOREIGN_DOMAIN`: the handle names no SRCU domain of this arena.
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
   * @throws {RcuError} `ALREADY_REGISTERED`: this context has a reader in this domain.
   * @throws {RcuError} `READER_LIMIT`: all readers that the domain was created for are registered.
   * @throws {RcuError} `LABEL_TOO_LONG`: the label does not fit.
   */
  register(options: { readonly label?: string } = {}): SrcuReader {
    return new SrcuReader(claimSlot(this.arena, this.offset, "srcu", options.label ?? ""));
  }

  /**
   * Blocks until every section of this domain that was open at the call has ended.
   *
   * @param options What ends the wait. With `hurry`, the readers in the way are asked to hurry at once,
   * including those that hold up a grace period already in progress; otherwise only when it has lasted
   * a while.
   * @throws {WaitInSectionError} While this context has an open section of this domain, whichever
   * task holds it, or an open RCU section.
   * @throws {BlockingForbiddenError} Where blocking is forbidden and no reader moves soon.
   * @throws {RcuError} `WAIT_TIMEOUT` after `timeoutMs`; names the reader.
   * @throws {EvictedError} If this context is expelled.
   * @throws The signal's reason.
   */
  synchronizeSrcu(options: WaitOptions & { readonly hurry?: boolean } = {}): void {
    const { driver } = this;
    driver.wait(driver.startPoll(), new Deadline(SYNCHRONIZE, options), options.hurry);
  }

  /**
   * As `synchronizeSrcu`, without blocking the thread, so that this context's own sections can end.
   *
   * @param options What ends the wait: the promise rejects; and `hurry`, as above.
   */
  async synchronizeSrcuAsync(
    options: WaitOptions & { readonly hurry?: boolean } = {},
  ): Promise<void> {
    const { driver } = this;
    await driver.waitAsync(driver.startPoll(), new Deadline(SYNCHRONIZE, options), options.hurry);
  }

  /**
   * Runs a function after a grace period, in this context, from its event loop or inside its
   * `srcuBarrier()`, in the order in which they were queued. What it throws is an uncaught error of
   * this context. If the context dies first, its functions are lost.
   *
   * @param run What to run.
   * @throws {DeferredBudgetError} If this context has as many functions queued as the budget
   * allows.
   */
  callSrcu(run: () => void): void {
    this.work.queue(run);
  }

  /**
   * Blocks until the functions that this context has queued have run, and the blocks that any
   * context has deferred are freed.
   *
   * @param options What ends the wait.
   * @throws As `synchronizeSrcu`.
   */
  srcuBarrier(options: WaitOptions = {}): void {
    this.work.drain(options);
  }

  /** As `srcuBarrier`, without blocking the thread. */
  srcuBarrierAsync(options: WaitOptions = {}): Promise<void> {
    return this.work.drainAsync(options);
  }
}
