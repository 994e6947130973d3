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
import { Domain } from "../grace_period/domain.ts";
import type { Reclaimer } from "../grace_period/reclaimer.ts";
import { claimSlot } from "../grace_period/slots.ts";
import { Deadline, type WaitOptions } from "../sync/wait_options.ts";
import { MembReader } from "./memb_reader.ts";
import { QsbrReader } from "./qsbr_reader.ts";

/** What `synchronize` does, for errors. */
const SYNCHRONIZE = "wait for a grace period";

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
export class RcuDomain extends Domain implements Reclaimer {
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
   * @param options What ends the wait. With `hurry`, the readers in the way are asked to hurry at once,
   * including those that hold up a grace period already in progress; otherwise only when it has lasted
   * a while.
   * @throws {WaitInSectionError} Inside a read-side section.
   * @throws {BlockingForbiddenError} Where blocking is forbidden and no reader moves soon.
   * @throws {RcuError} `WAIT_TIMEOUT` after `timeoutMs`; names the reader.
   * @throws {EvictedError} If this context is expelled.
   * @throws The signal's reason.
   */
  synchronize(options: WaitOptions & { readonly hurry?: boolean } = {}): void {
    const { driver } = this;
    driver.wait(driver.startPoll(), new Deadline(SYNCHRONIZE, options), options.hurry);
  }

  /**
   * As `synchronize`, without blocking the thread. If the platform says that the worker of a reader in
   * the way has stopped, nobody waits for that reader any more.
   *
   * @param options What ends the wait: the promise rejects; and `hurry`, as above.
   */
  async synchronizeAsync(options: WaitOptions & { readonly hurry?: boolean } = {}): Promise<void> {
    const { driver } = this;
    await driver.waitAsync(driver.startPoll(), new Deadline(SYNCHRONIZE, options), options.hurry);
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
    this.work.queue(run);
  }

  /**
   * Blocks until the functions that this context has queued have run, and the blocks that any
   * context has deferred are freed. Never waits for another context's event loop.
   *
   * @param options What ends the wait.
   * @throws {WaitInSectionError} Inside a read-side section.
   * @throws {BlockingForbiddenError} Where blocking is forbidden and no reader moves soon.
   * @throws {RcuError} `WAIT_TIMEOUT` after `timeoutMs`; names the reader.
   * @throws The signal's reason.
   */
  barrier(options: WaitOptions = {}): void {
    this.work.drain(options);
  }

  /** As `barrier`, without blocking the thread. */
  barrierAsync(options: WaitOptions = {}): Promise<void> {
    return this.work.drainAsync(options);
  }
}
