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
import { srcuEngine } from "../grace_period/engine.ts";
import { type DomainStats, GracePeriods } from "../grace_period/grace_periods.ts";
import { claimSlot, releaseEvicted } from "../grace_period/slots.ts";
import type { StallReport } from "../grace_period/stall.ts";
import { instantiateKernel } from "../kernel/kernel.ts";
import { SrcuReader } from "./srcu_reader.ts";

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
export class Srcu {
  /** The arena, as this context attached to it. */
  readonly arena: Arena;
  /** What another context attaches with. Structured-cloneable. */
  readonly handle: DomainHandle;
  /** Offset of the domain's block in the arena. */
  readonly offset: number;
  /** The label given at creation. */
  readonly label: string;
  readonly #periods: GracePeriods;

  private constructor(arena: Arena, handle: DomainHandle) {
    const engine = srcuEngine(instantiateKernel(arena.memory), handle.offset);
    this.arena = arena;
    this.handle = handle;
    this.offset = handle.offset;
    this.#periods = new GracePeriods(arena, handle, engine);
    this.label = this.#periods.label;
  }

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
   * @param options With `hurry`, the readers in the way are asked to hurry at once, including those
   * that hold up a grace period already in progress; otherwise only when it has lasted a while.
   * @throws {WaitInSectionError} While this context has an open section of this domain, whichever
   * task holds it, or an open RCU section.
   * @throws {BlockingForbiddenError} Where blocking is forbidden and no reader moves soon.
   */
  synchronizeSrcu(options: { readonly hurry?: boolean } = {}): void {
    const { driver } = this.#periods;
    driver.wait(driver.startPoll(), "wait for an SRCU grace period", options.hurry);
  }

  /**
   * As `synchronizeSrcu`, without blocking the thread, so that this context's own sections can end.
   *
   * @param options A signal that ends the wait; the promise rejects with its reason.
   */
  synchronizeSrcuAsync(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    const { driver } = this.#periods;
    return driver.waitAsync(driver.startPoll(), options.signal);
  }

  /** A cookie of the first grace period that starts after this call; see `RcuDomain.startPoll`. */
  startPoll(): number {
    return this.#periods.driver.startPoll();
  }

  /**
   * Whether the grace period of the cookie is over. Never blocks; moves the grace period on if no
   * reader is in the way, so polling alone completes it.
   *
   * @param cookie From `startPoll`, in any context of this domain.
   * @throws {RcuError} `INVALID_COOKIE`: this domain has not issued it.
   */
  poll(cookie: number): boolean {
    return this.#periods.poll(cookie);
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
    this.#periods.work.queue(run);
  }

  /**
   * Frees an arena block after a grace period of this domain; see `RcuDomain.deferFree`.
   *
   * @param block A live block that no reader can reach any more.
   * @throws {RcuError} `INVALID_POINTER`: it is no live block.
   * @throws {RcuError} `DOUBLE_FREE`: it was freed or deferred before.
   * @throws {RcuError} `MEMBER_BLOCK`: a mutex or a domain lies there.
   * @throws {DeferredBudgetError} Past the budget, where this context cannot wait: inside a
   * section,
   * or where blocking is forbidden. Nothing is deferred then.
   * @throws {UseAfterFreeError} In debug mode, if a block that leaves the quarantine was written to.
   * Nothing is deferred then.
   */
  deferFree(block: number): void {
    this.#periods.work.deferFree(block);
  }

  /**
   * Blocks until the functions that this context has queued have run, and the blocks that any
   * context has deferred are freed.
   *
   * @throws {WaitInSectionError} As `synchronizeSrcu`.
   */
  srcuBarrier(): void {
    this.#periods.work.drain("wait for deferred work");
  }

  /** As `srcuBarrier`, without blocking the thread. */
  srcuBarrierAsync(): Promise<void> {
    return this.#periods.work.drainAsync();
  }

  /**
   * Called, in this context, when a grace period that it waits for has been held up for `stallMs`,
   * and again after every further `stallMs`. It may wait, or evict who is reported. What it throws ends
   * the wait, or, if nobody waits but deferred work, is an uncaught error of this context.
   */
  set onStall(report: ((report: StallReport) => void) | undefined) {
    this.#periods.stalls.onStall = report;
  }

  /** Describes the grace period in progress if a reader holds it up, and which. Never blocks. */
  stalled(): StallReport | undefined {
    return this.#periods.stalled();
  }

  /**
   * Gives back the reader slots of an evicted worker that has certainly stopped; see
   * `RcuDomain.releaseEvicted`.
   *
   * @param token The worker's `arena.token`.
   * @returns How many slots were freed.
   */
  releaseEvicted(token: number): number {
    return releaseEvicted(this.arena, this.offset, token);
  }

  /** Figures of this moment. */
  stats(): DomainStats {
    return this.#periods.stats();
  }

  /**
   * Frees the domain's block. No context may use the domain afterwards.
   *
   * @throws {RcuError} `DOMAIN_BUSY`: readers are registered or deferred work waits. Nothing
   * changes.
   */
  destroy(): void {
    this.#periods.destroy();
  }
}
