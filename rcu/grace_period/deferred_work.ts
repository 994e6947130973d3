/**
 * Functions and blocks that wait for a domain's grace periods, and the pump that runs and frees them
 * from the event loop.
 *
 * @module
 */

import { type Arena, coreOf } from "../arena/arena.ts";
import type { ArenaCore } from "../arena/core.ts";
import { RcuError } from "../errors/rcu_error.ts";
import {
  BlockingForbiddenError,
  DeferredBudgetError,
  EvictedError,
  WaitInSectionError,
} from "../errors/specific_errors.ts";
import { DOMAIN } from "../kernel/layouts.ts";
import { reportUncaught } from "../sync/report_uncaught.ts";
import { Callbacks } from "./callbacks.ts";
import { DeferredBlocks } from "./deferred_blocks.ts";
import { Deadline, type WaitOptions } from "../sync/wait_options.ts";
import { type DomainHandle, isDomainThere } from "./domain_block.ts";
import type { Driver } from "./driver.ts";

/** One domain's deferred work, as one context sees it. */
export class DeferredWork {
  /** The blocks, which any context may free. */
  readonly blocks: DeferredBlocks;
  readonly #core: ArenaCore;
  readonly #driver: Driver;
  readonly #callbacks: Callbacks;
  readonly #isThere: () => boolean;
  #pumping = false;

  /**
   * @param arena The arena, as this context attached to it.
   * @param handle The domain.
   * @param driver Waits for the domain's grace periods.
   */
  constructor(arena: Arena, handle: DomainHandle, driver: Driver) {
    const { offset } = handle;
    this.#core = coreOf(arena);
    this.#driver = driver;
    this.#callbacks = new Callbacks(arena, DOMAIN.maxDeferred.get(arena.u32, offset));
    this.#isThere = () => isDomainThere(arena, handle);
    this.blocks = new DeferredBlocks(arena, offset, driver);
    const reclaim = () => {
      const freed = this.#ifThere(() => this.blocks.reclaimReady());
      if (freed === undefined) this.#core.reclaimers.delete(offset);
      return freed ?? 0;
    };
    // In the place of an earlier attachment to the domain, which would do as well.
    this.#core.reclaimers.set(offset, reclaim);
  }

  /** How many functions of this context wait. */
  get queuedFunctions(): number {
    return this.#callbacks.length;
  }

  /** Queues a function to run in this context after a grace period. */
  queue(run: () => void): void {
    this.#core.checkAttached();
    this.#callbacks.push(run, this.#driver.startPoll());
    this.schedule();
  }

  /** Frees a block after a grace period; past the budget, waits for one first. */
  deferFree(block: number): void {
    if (this.blocks.full) this.#relieve();
    this.blocks.push(block);
    this.schedule();
  }

  /** Runs what this context has queued and frees what was deferred, waiting as long as it takes. */
  drain(options: WaitOptions): void {
    const deadline = new Deadline(ACTION, options);
    this.#driver.refuse(ACTION);
    this.#core.checkAttached();
    const queued = this.#callbacks.length;
    if (queued > 0) this.#driver.wait(this.#driver.startPoll(), deadline, true);
    this.#callbacks.runReady((cookie) => this.#driver.poll(cookie), queued);
    for (let look = 0; look < MOST_LOOKS; look++) {
      const cookie = this.blocks.reclaim();
      if (cookie < 0 || (look > 0 && !this.blocks.busy)) return;
      this.#driver.wait(cookie, deadline, true);
    }
  }

  /** As `drain`, without blocking. */
  async drainAsync(options: WaitOptions): Promise<void> {
    const deadline = new Deadline(ACTION, options);
    this.#core.checkAttached();
    const target = this.#callbacks.ran + this.#callbacks.length;
    while (this.#callbacks.ran < target) {
      await this.#driver.waitAsync(this.#callbacks.firstCookie!, deadline);
      this.#callbacks.runReady((cookie) => this.#driver.poll(cookie), target - this.#callbacks.ran);
    }
    for (let look = 0; look < MOST_LOOKS; look++) {
      const cookie = this.blocks.reclaim();
      if (cookie < 0 || (look > 0 && !this.blocks.busy)) return;
      await this.#driver.waitAsync(cookie, deadline);
    }
  }

  /** Makes room in the budget by waiting for the blocks that are deferred already. */
  #relieve(): void {
    this.#core.checkAttached();
    this.blocks.reclaimReady();
    while (this.blocks.full) {
      const cookie = this.blocks.reclaim();
      if (cookie < 0 || !this.blocks.full) return;
      try {
        const deadline = new Deadline("wait for the blocks that are deferred already");
        this.#driver.wait(cookie, deadline, true);
      } catch (cause) {
        if (!(cause instanceof WaitInSectionError || cause instanceof BlockingForbiddenError)) {
          throw cause;
        }
        const { count, bytes } = this.blocks;
        throw new DeferredBudgetError({ what: "a block", count, bytes, reason: String(cause) });
      }
    }
  }

  /** Starts the pump, unless it runs: for what this context has deferred, or took over. */
  schedule(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    setTimeout(() => this.#pump(), 0);
  }

  /** Runs functions and frees blocks, grace period after grace period, until nothing waits. */
  async #pump(): Promise<void> {
    for (;;) {
      let pauseMs: number | undefined = 0;
      try {
        this.#core.checkAttached();
        const cookie = this.#callbacks.firstCookie ??
          this.#ifThere(() => this.blocks.reclaim()) ?? -1;
        if (cookie < 0) break;
        await this.#driver.waitAsync(
          cookie,
          new Deadline(ACTION),
          false,
          (look) => this.#ifThere(look),
        );
        this.#callbacks.runReady((cookie) => this.#isOver(cookie));
      } catch (error) {
        pauseMs = afterError(error);
        if (pauseMs === undefined) break;
      }
      // Lets other events run between two batches.
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
    this.#pumping = false;
  }

  /**
   * Runs `action` unless the domain is destroyed, whose block then stays. The pump has no caller who
   * would answer for that: another context may destroy the domain, once no reader is registered
   * and no block deferred, while this context still waits for the grace period of blocks that others
   * have freed since. A destroyed domain has no readers, so its grace periods are over.
   */
  #ifThere<T>(action: () => T): T | undefined {
    return this.#core.members.pinned(() => this.#isThere() ? action() : undefined);
  }

  #isOver(cookie: number): boolean {
    return this.#ifThere(() => this.#driver.poll(cookie)) ?? true;
  }
}

/**
 * Passes on an error that has ended a turn of the pump: what an `onStall` has thrown, or damage found
 * in the arena. It becomes an uncaught error of this context, and the pump goes on.
 *
 * @returns The pause until its next turn, or undefined if there is none.
 */
function afterError(error: unknown): number | undefined {
  // The functions of a context that is evicted or has closed its arena count as lost, and other
  // contexts free the blocks.
  if (error instanceof EvictedError) return undefined;
  reportUncaught(error);
  // Every further turn would find the same.
  if (error instanceof RcuError && error.hasCode("ARENA_CORRUPT")) return undefined;
  return 0;
}

/** What waits for deferred work do, for errors. */
const ACTION = "wait for deferred work";

/**
 * How often a barrier looks for blocks. After the first wait all that were deferred before the barrier can
 * be freed, unless another context is just about to: it looks again then. A context that has died there
 * holds up the blocks of one slab until it is evicted, and no barrier for ever.
 */
const MOST_LOOKS = 1000;
