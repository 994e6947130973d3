/**
 * One domain's grace periods as one context sees them: what RCU and SRCU domains share.
 *
 * @module
 */

import type { Arena } from "../arena/arena.ts";
import { loadLabel } from "../arena/label.ts";
import { RcuError } from "../errors/rcu_error.ts";
import { DOMAIN } from "../kernel/layouts.ts";
import { DeferredWork } from "./deferred_work.ts";
import { destroyBlock, type DomainHandle } from "./domain_block.ts";
import { Driver } from "./driver.ts";
import type { Engine } from "./engine.ts";
import { claimedSlots } from "./slots.ts";
import { type StallReport, StallWatch } from "./stall.ts";

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

/** The parts of a domain that do not depend on its flavour. */
export class GracePeriods {
  /** The label given at creation. */
  readonly label: string;
  /** Waits for grace periods. */
  readonly driver: Driver;
  /** Reports readers that hold up a grace period. */
  readonly stalls: StallWatch;
  /** Functions and blocks that wait for a grace period. */
  readonly work: DeferredWork;
  readonly #arena: Arena;
  readonly #domain: number;
  readonly #engine: Engine;

  /**
   * @param arena The arena, as this context attached to it.
   * @param handle The domain.
   * @param engine Its grace-period algorithm.
   */
  constructor(arena: Arena, handle: DomainHandle, engine: Engine) {
    const domain = handle.offset;
    this.#arena = arena;
    this.#domain = domain;
    this.#engine = engine;
    this.label = loadLabel(arena, DOMAIN, domain);
    this.stalls = new StallWatch(arena, domain, engine, this.label);
    this.driver = new Driver(arena, domain, engine, this.stalls);
    this.work = new DeferredWork(arena, handle, this.driver);
  }

  /**
   * Whether the grace period of a cookie is over; moves it on if no reader is in the way.
   *
   * @throws {RcuError} `INVALID_COOKIE`: the domain has not issued it.
   */
  poll(cookie: number): boolean {
    if (!this.#engine.isIssued(cookie)) {
      throw new RcuError("INVALID_COOKIE", { cookie, newest: this.#engine.startPoll() });
    }
    return this.driver.poll(cookie);
  }

  /** Figures of this moment. */
  stats(): DomainStats {
    return {
      gracePeriods: this.#engine.completed(),
      readers: claimedSlots(this.#arena, this.#domain).length,
      deferredBlocks: this.work.blocks.count,
      deferredBytes: this.work.blocks.bytes,
      queuedFunctions: this.work.queuedFunctions,
    };
  }

  /** The report on the grace period in progress, if a reader holds it up. Never blocks. */
  stalled(): StallReport | undefined {
    const slot = this.#engine.holder();
    return slot === 0 ? undefined : this.stalls.describe(slot);
  }

  /** Frees the domain's block unless the domain is in use. */
  destroy(): void {
    const { readers, deferredBlocks: blocks, queuedFunctions: functions } = this.stats();
    if (readers + blocks + functions > 0) {
      throw new RcuError("DOMAIN_BUSY", { readers, blocks, functions });
    }
    destroyBlock(this.#arena, this.#domain);
  }
}
