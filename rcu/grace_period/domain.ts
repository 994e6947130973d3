/**
 * What RCU and SRCU domains have in common: waiting, callbacks, deferred blocks, reports.
 *
 * @module
 */

import { type Arena, coreOf } from "../arena/arena.ts";
import { RcuError } from "../errors/rcu_error.ts";
import {
  BlockingForbiddenError,
  DeferredBudgetError,
  EvictedError,
  WaitInSectionError,
} from "../errors/specific_errors.ts";
import { destroyBlock } from "./block.ts";
import { Callbacks } from "./callbacks.ts";
import { DeferredBlocks } from "./deferred_blocks.ts";
import { Driver } from "./driver.ts";
import type { Engine } from "./engine.ts";
import { loadLabel } from "./label.ts";
import { LABEL, MAX_DEFERRED } from "./layout.ts";
import { claimedSlots, claimSlot, type Flavour, releaseEvicted } from "./slots.ts";
import { type StallReport, StallWatch } from "./stall.ts";
import { localReader } from "./waiting.ts";

/** Figures of a domain at one moment. */
export interface DomainStats {
  /** Grace periods completed since the domain was created. */
  readonly gracePeriods: number;
  /** Readers registered. */
  readonly readers: number;
  /** Blocks that wait for a grace period, deferred by any context. */
  readonly deferredBlocks: number;
  /** Their bytes, headers included. */
  readonly deferredBytes: number;
  /** Functions of this context that wait for a grace period. */
  readonly queuedFunctions: number;
}

/** The part of a domain that does not depend on its flavour. */
export abstract class GracePeriodDomain {
  /** The arena, as this context attached to it. */
  readonly arena: Arena;
  /** Offset of the domain's block in the arena. */
  readonly offset: number;
  /** The label given at creation. */
  readonly label: string;
  #engine: Engine;
  #stall: StallWatch;
  #driver: Driver;
  #callbacks: Callbacks;
  #blocks: DeferredBlocks;
  #pumping = false;

  /**
   * Made by `create` and `attach`.
   *
   * @param arena The arena.
   * @param offset The domain's block.
   * @param engine Its grace periods.
   */
  constructor(arena: Arena, offset: number, engine: Engine) {
    this.arena = arena;
    this.offset = offset;
    this.label = loadLabel(arena.u8, offset + LABEL);
    this.#engine = engine;
    this.#stall = new StallWatch(arena, offset, engine, this.label);
    this.#driver = new Driver(arena, offset, engine, this.#stall);
    this.#callbacks = new Callbacks(arena, arena.u32[(offset + MAX_DEFERRED) >>> 2]!);
    this.#blocks = new DeferredBlocks(arena, offset, this.#driver);
  }

  /**
   * Called, in this context, when a grace period that it waits for is held up for longer than the
   * threshold, and again after each further threshold.
   */
  set onStall(report: ((report: StallReport) => void) | undefined) {
    this.#stall.onStall = report;
  }

  /**
   * A cookie of the first grace period that starts after this call: what was unlinked before is
   * referenced by nobody once `poll` of it is true. Never blocks.
   */
  startPoll(): number {
    return this.#driver.startPoll();
  }

  /**
   * Whether the grace period of the cookie is over. Never blocks; moves the grace period on if no
   * reader is in the way, so polling alone completes it.
   *
   * @param cookie From `startPoll`, in any context of this domain.
   */
  poll(cookie: number): boolean {
    return this.#driver.poll(cookie);
  }

  /**
   * Frees an arena block after a grace period. The block waits in shared memory: another context
   * frees it if this one is gone. Past the domain's budget it waits for a grace period itself.
   *
   * @param block A live block that no reader can reach any more.
   * @throws {RcuError} `INVALID_POINTER`: if it is no live block.
   * @throws {RcuError} `DOUBLE_FREE`: if it was freed or deferred before.
   * @throws {DeferredBudgetError} Past the budget, where this context cannot wait: inside a section,
   * or where blocking is forbidden. Nothing is deferred then.
   */
  deferFree(block: number): void {
    if (this.#blocks.full) this.#relieve();
    this.#blocks.push(block);
    this.#schedule();
  }

  /** Describes the grace period in progress if a reader holds it up, and which. Never blocks. */
  stalled(): StallReport | undefined {
    const slot = this.#engine.holder();
    return slot === 0 ? undefined : this.#stall.describe(slot);
  }

  /**
   * Gives back the reader slots of an evicted worker. `Arena.evict` lets them rest, since a worker
   * that lives after all may still store to them; call this once the worker has certainly stopped
   * (Node's `terminate()` has resolved, say).
   *
   * @param token The worker's `arena.token`.
   * @returns How many slots were freed.
   */
  releaseEvicted(token: number): number {
    return releaseEvicted(this.arena, this.offset, token);
  }

  /** Figures of this moment. */
  stats(): DomainStats {
    return {
      gracePeriods: this.#engine.completed(),
      readers: claimedSlots(this.arena, this.offset).length,
      deferredBlocks: this.#blocks.count,
      deferredBytes: this.#blocks.bytes,
      queuedFunctions: this.#callbacks.length,
    };
  }

  /**
   * Frees the domain's block. No context may use the domain afterwards.
   *
   * @throws {RcuError} `DOMAIN_BUSY`: if readers are registered or deferred work waits; nothing is changed.
   */
  destroy(): void {
    const { readers, deferredBlocks, queuedFunctions } = this.stats();
    if (readers + deferredBlocks + queuedFunctions > 0) {
      throw new RcuError("DOMAIN_BUSY", {
        readers,
        blocks: deferredBlocks,
        functions: queuedFunctions,
      });
    }
    destroyBlock(this.arena, this.offset);
  }

  /** Waits, blocking, for a grace period that starts after this call. */
  protected wait(action: string, expedite = false): void {
    this.#driver.wait(this.startPoll(), action, expedite);
  }

  /** As `wait`, without blocking. */
  protected waitAsync(signal: AbortSignal | undefined): Promise<void> {
    return this.#driver.waitAsync(this.startPoll(), signal);
  }

  /** Queues a function to run in this context after a grace period. */
  protected queue(run: () => void): void {
    coreOf(this.arena).checkAttached();
    this.#callbacks.push(run, this.startPoll());
    this.#schedule();
  }

  /** Runs what this context has queued and frees what was deferred, waiting as long as it takes. */
  protected drain(action: string): void {
    this.#driver.refuse(action);
    coreOf(this.arena).checkAttached();
    const queued = this.#callbacks.length;
    if (queued > 0) this.#driver.wait(this.startPoll(), action, true);
    this.#callbacks.runReady((cookie) => this.poll(cookie), queued);
    for (let batch = 0; batch < BATCHES; batch++) {
      const cookie = this.#blocks.cookie;
      if (cookie < 0) return;
      this.#driver.wait(cookie, action, true);
      this.#blocks.reclaim(cookie);
    }
  }

  /** As `drain`, without blocking. */
  protected async drainAsync(): Promise<void> {
    coreOf(this.arena).checkAttached();
    const target = this.#callbacks.ran + this.#callbacks.length;
    while (this.#callbacks.ran < target) {
      await this.#driver.waitAsync(this.#callbacks.firstCookie!);
      this.#callbacks.runReady((cookie) => this.poll(cookie), target - this.#callbacks.ran);
    }
    for (let batch = 0; batch < BATCHES; batch++) {
      const cookie = this.#blocks.cookie;
      if (cookie < 0) return;
      await this.#driver.waitAsync(cookie);
      this.#blocks.reclaim(cookie);
    }
  }

  /** Claims a reader slot for this context. */
  protected claim(flavour: Flavour, label: string): number {
    const registered = localReader(this.arena, this.offset);
    if (registered) throw new RcuError("ALREADY_REGISTERED", { label: registered.label });
    return claimSlot(this.arena, this.offset, flavour, label);
  }

  /** Makes room in the budget by waiting for the blocks that are deferred already. */
  #relieve(): void {
    this.#blocks.reclaimReady();
    while (this.#blocks.full) {
      const cookie = this.#blocks.cookie;
      if (cookie < 0) return;
      try {
        this.#driver.wait(cookie, "wait for the blocks that are deferred already", true);
      } catch (cause) {
        if (!(cause instanceof WaitInSectionError || cause instanceof BlockingForbiddenError)) {
          throw cause;
        }
        const { count, bytes } = this.#blocks;
        throw new DeferredBudgetError({ what: "a block", count, bytes, reason: String(cause) });
      }
      this.#blocks.reclaim(cookie);
    }
  }

  /** Has the event loop look after what waits. */
  #schedule(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    setTimeout(() => this.#pump(), 0);
  }

  async #pump(): Promise<void> {
    try {
      for (;;) {
        coreOf(this.arena).checkAttached();
        const cookie = this.#callbacks.firstCookie ?? this.#blocks.cookie;
        if (cookie < 0) break;
        await this.#driver.waitAsync(cookie);
        this.#callbacks.runReady((cookie) => this.poll(cookie));
        this.#blocks.reclaimReady();
        // Lets other events have their turn between two batches.
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
