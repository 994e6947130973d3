/**
 * Functions and blocks that wait for a domain's grace periods, and the pump that runs and frees them
 * from the event loop.
 *
 * @module
 */

import { type Arena, coreOf } from "../arena/arena.ts";
import type { ArenaCore } from "../arena/core.ts";
import {
  BlockingForbiddenError,
  DeferredBudgetError,
  EvictedError,
  WaitInSectionError,
} from "../errors/specific_errors.ts";
import { DOMAIN } from "../kernel/layouts.ts";
import { Callbacks } from "./callbacks.ts";
import { DeferredBlocks } from "./deferred_blocks.ts";
import type { Driver } from "./driver.ts";

/** One domain's deferred work, as one context sees it. */
export class DeferredWork {
  /** The blocks, which any context may free. */
  readonly blocks: DeferredBlocks;
  readonly #core: ArenaCore;
  readonly #driver: Driver;
  readonly #callbacks: Callbacks;
  #pumping = false;

  /**
   * @param arena The arena, as this context attached to it.
   * @param domain The domain's block.
   * @param driver Waits for the domain's grace periods.
   */
  constructor(arena: Arena, domain: number, driver: Driver) {
    this.#core = coreOf(arena);
    this.#driver = driver;
    this.#callbacks = new Callbacks(arena, DOMAIN.maxDeferred.get(arena.u32, domain));
    this.blocks = new DeferredBlocks(arena, domain, driver);
  }

  /** How many functions of this context wait. */
  get queuedFunctions(): number {
    return this.#callbacks.length;
  }

  /** Queues a function to run in this context after a grace period. */
  queue(run: () => void): void {
    this.#core.checkAttached();
    this.#callbacks.push(run, this.#driver.startPoll());
    this.#schedule();
  }

  /** Frees a block after a grace period; past the budget, waits for one first. */
  deferFree(block: number): void {
    if (this.blocks.full) this.#relieve();
    this.blocks.push(block);
    this.#schedule();
  }

  /** Runs what this context has queued and frees what was deferred, waiting as long as it takes. */
  drain(action: string): void {
    this.#driver.refuse(action);
    this.#core.checkAttached();
    const queued = this.#callbacks.length;
    if (queued > 0) this.#driver.wait(this.#driver.startPoll(), action, true);
    this.#callbacks.runReady((cookie) => this.#driver.poll(cookie), queued);
    for (let batch = 0; batch < BATCHES; batch++) {
      const cookie = this.blocks.cookie;
      if (cookie < 0) return;
      this.#driver.wait(cookie, action, true);
      this.blocks.reclaim(cookie);
    }
  }

  /** As `drain`, without blocking. */
  async drainAsync(): Promise<void> {
    this.#core.checkAttached();
    const target = this.#callbacks.ran + this.#callbacks.length;
    while (this.#callbacks.ran < target) {
      await this.#driver.waitAsync(this.#callbacks.firstCookie!);
      this.#callbacks.runReady((cookie) => this.#driver.poll(cookie), target - this.#callbacks.ran);
    }
    for (let batch = 0; batch < BATCHES; batch++) {
      const cookie = this.blocks.cookie;
      if (cookie < 0) return;
      await this.#driver.waitAsync(cookie);
      this.blocks.reclaim(cookie);
    }
  }

  /** Makes room in the budget by waiting for the blocks that are deferred already. */
  #relieve(): void {
    this.blocks.reclaimReady();
    while (this.blocks.full) {
      const cookie = this.blocks.cookie;
      if (cookie < 0) return;
      try {
        this.#driver.wait(cookie, "wait for the blocks that are deferred already", true);
      } catch (cause) {
        if (!(cause instanceof WaitInSectionError || cause instanceof BlockingForbiddenError)) {
          throw cause;
        }
        const { count, bytes } = this.blocks;
        throw new DeferredBudgetError({ what: "a block", count, bytes, reason: String(cause) });
      }
      this.blocks.reclaim(cookie);
    }
  }

  /** Starts the pump unless it runs. */
  #schedule(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    setTimeout(() => this.#pump(), 0);
  }

  /** Runs functions and frees blocks, grace period after grace period, until nothing waits. */
  async #pump(): Promise<void> {
    try {
      for (;;) {
        this.#core.checkAttached();
        const cookie = this.#callbacks.firstCookie ?? this.blocks.cookie;
        if (cookie < 0) break;
        await this.#driver.waitAsync(cookie);
        this.#callbacks.runReady((cookie) => this.#driver.poll(cookie));
        this.blocks.reclaimReady();
        // Lets other events run between two batches.
        await new Promise((resolve) => setTimeout(resolve, 0));
      }
    } catch (error) {
      // The functions of a context that is evicted or has closed its arena count as lost, and other
      // contexts free the blocks.
      if (!(error instanceof EvictedError)) throw error;
    } finally {
      this.#pumping = false;
    }
  }
}

/** A block deferred before a barrier is in the batch that waits or in the one that collects. */
const BATCHES = 2;
