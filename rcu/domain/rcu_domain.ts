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
} from "../grace_period/domain_block.ts";
import { rcuEngine } from "../grace_period/engine.ts";
import { type DomainStats, GracePeriods } from "../grace_period/grace_periods.ts";
import type { Reclaimer } from "../grace_period/reclaimer.ts";
import { claimSlot, releaseEvicted } from "../grace_period/slots.ts";
import type { StallReport } from "../grace_period/stall.ts";
import { instantiateKernel } from "../kernel/kernel.ts";
import { MembReader } from "./memb_reader.ts";
import { QsbrReader } from "./qsbr_reader.ts";

/** Options of `RcuDomain.register`. */
export interface ReaderOptions<F extends "memb" | "qsbr"> {
  /** How the reader reports quiescent states; `"memb"` unless given. */
  readonly flavour?: F;
  /** A name for reports, at most 32 bytes of UTF-8. */
  readonly label?: string;
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
 * const guard = reader.lock();
 * pointer.dereference(guard);
 * guard.unlock();
 *
 * const old = pointer.exchange(arena.allocate(64));
 * domain.synchronize(); // no section that saw `old` is open any more
 * arena.free(old);
 * assertEquals(domain.stats().readers, 1);
 * ```
 */
export class RcuDomain implements Reclaimer {
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
    const engine = rcuEngine(instantiateKernel(arena.memory), handle.offset);
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
  static create(arena: Arena, options: DomainOptions = {}): RcuDomain {
    return new RcuDomain(arena, createBlock(arena, "guestmem-rcu", options));
  }

  /**
   * Attaches this context to a domain that another one created.
   *
   * @param arena The arena, as this context attached to it.
   * @param handle The domain's `handle`.
   * @throws {RcuError} `FOREIGN_DOMAIN`: the handle names no RCU domain of this arena.
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
   * @throws {RcuError} `ALREADY_REGISTERED`: this context has a reader in this domain.
   * @throws {RcuError} `READER_LIMIT`: all readers that the domain was created for are registered.
   * @throws {RcuError} `LABEL_TOO_LONG`: the label does not fit.
   */
  register(options?: ReaderOptions<"memb">): MembReader;
  /** As above, in the QSBR flavour. */
  register(options: ReaderOptions<"qsbr">): QsbrReader;
  register(options: ReaderOptions<"memb" | "qsbr"> = {}): MembReader | QsbrReader {
    const { flavour = "memb", label = "" } = options;
    const claimed = claimSlot(this.arena, this.offset, flavour, label);
    return flavour === "memb" ? new MembReader(claimed) : new QsbrReader(claimed);
  }

  /**
   * Blocks until every read-side section that was open at the call has ended: nobody references what
   * was unlinked before. A QSBR reader of this context is offline while it waits.
   *
   * @param options With `hurry`, the readers in the way are asked to hurry at once, including those
   * that hold up a grace period already in progress; otherwise only when it has lasted a while.
   * @throws {WaitInSectionError} Inside a read-side section.
   * @throws {BlockingForbiddenError} Where blocking is forbidden and no reader moves soon.
   */
  synchronize(options: { readonly hurry?: boolean } = {}): void {
    const { driver } = this.#periods;
    driver.wait(driver.startPoll(), "wait for a grace period", options.hurry);
  }

  /**
   * As `synchronize`, without blocking the thread.
   *
   * @param options A signal that ends the wait; the promise rejects with its reason.
   */
  synchronizeAsync(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    const { driver } = this.#periods;
    return driver.waitAsync(driver.startPoll(), options.signal);
  }

  /**
   * A cookie of the first grace period that starts after this call: once `poll` of it is true,
   * nobody references what was unlinked before. Never blocks.
   */
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
   * `barrier()`; functions run in the order in which they were queued. What a function throws is an
   * uncaught error of this context. If the context dies first, its functions are lost.
   *
   * @param run What to run. It may queue and defer again, but not assume any section or lock.
   * @throws {DeferredBudgetError} If this context has as many functions queued as the budget
   * allows.
   */
  callRcu(run: () => void): void {
    this.#periods.work.queue(run);
  }

  /**
   * Frees an arena block after a grace period. The block waits in shared memory: another context
   * frees it if this one is gone. Past the domain's budget it waits for a grace period itself.
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
   * context has deferred are freed. Never waits for another context's event loop.
   *
   * @throws {WaitInSectionError} Inside a read-side section.
   * @throws {BlockingForbiddenError} Where blocking is forbidden and no reader moves soon.
   */
  barrier(): void {
    this.#periods.work.drain("wait for deferred work");
  }

  /** As `barrier`, without blocking the thread. */
  barrierAsync(): Promise<void> {
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
   * Gives back the reader slots of an evicted worker. `Arena.evict` lets them rest, since a worker
   * that is alive after all may still store to them; call this once the worker has certainly stopped
   * (when Node's `terminate()` has resolved, for example).
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
