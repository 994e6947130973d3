/**
 * What RCU and SRCU domains share.
 *
 * @module
 */

import { type Arena, coreOf } from "../arena/arena.ts";
import type { SharedMemory } from "../arena/allocator.ts";
import { loadLabel } from "../arena/label.ts";
import { evictionHandlers, MemberType } from "../arena/members.ts";
import { RcuError } from "../errors/rcu_error.ts";
import { instantiateKernel } from "../kernel/kernel.ts";
import { DOMAIN } from "../kernel/layouts.ts";
import { DeferredWork } from "./deferred_work.ts";
import { destroyBlock, type DomainHandle, handleOf } from "./domain_block.ts";
import { Driver } from "./driver.ts";
import { type Engine, rcuEngine, srcuEngine } from "./engine.ts";
import { claimedSlots } from "./slots.ts";
import { type StallReport, StallWatch, warnOfStall } from "./stall.ts";

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

/** The grace periods of an `RcuDomain` or an `Srcu`, as one context drives them. */
export abstract class Domain {
  /** The arena, as this context attached to it. */
  readonly arena: Arena;
  /** What another context attaches with. Structured-cloneable. */
  readonly handle: DomainHandle;
  /** Offset of the domain's block in the arena. */
  readonly offset: number;
  /** The label given at creation. */
  readonly label: string;
  /**
   * Waits for grace periods.
   *
   * @internal
   */
  protected readonly driver: Driver;
  /**
   * Functions and blocks that wait for a grace period.
   *
   * @internal
   */
  protected readonly work: DeferredWork;
  readonly #engine: Engine;
  readonly #stalls: StallWatch;

  /**
   * For `create` and `attach`.
   *
   * @internal
   */
  protected constructor(arena: Arena, handle: DomainHandle) {
    const { engine, label, stalls, driver, work } = partsOf(arena, handle);
    this.arena = arena;
    this.handle = handle;
    this.offset = handle.offset;
    this.label = label;
    this.driver = driver;
    this.work = work;
    this.#engine = engine;
    this.#stalls = stalls;
  }

  /**
   * A cookie of the first grace period that starts after this call: once `poll` of it is true,
   * nobody references what was unlinked before. Never blocks.
   */
  startPoll(): number {
    return this.driver.startPoll();
  }

  /**
   * Whether the grace period of the cookie is over. Never blocks; moves the grace period on if no
   * reader is in the way, so polling alone completes it.
   *
   * @param cookie From `startPoll`, in any context of this domain.
   * @throws {RcuError} `INVALID_COOKIE`: this domain has not issued it.
   */
  poll(cookie: number): boolean {
    if (!this.#engine.isIssued(cookie)) {
      throw new RcuError("INVALID_COOKIE", { cookie, newest: this.#engine.startPoll() });
    }
    return this.driver.poll(cookie);
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
   * section, or where blocking is forbidden. Nothing is deferred then.
   * @throws {UseAfterFreeError} In debug mode, if a block that leaves the quarantine was written to.
   * Nothing is deferred then.
   */
  deferFree(block: number): void {
    this.work.deferFree(block);
  }

  /**
   * Called, in this context, when a grace period that it waits for has been held up for `stallMs`:
   * once for each grace period and reader. Unless it is set, reports go to `console.warn`. It may wait,
   * or expel or evict who is reported. What it throws ends the wait, or, if nobody waits but deferred
   * work, is an uncaught error of this context.
   */
  set onStall(report: ((report: StallReport) => void) | undefined) {
    this.#stalls.onStall = report ?? warnOfStall;
  }

  /** Describes the grace period in progress if a reader holds it up, and which. Never blocks. */
  stalled(): StallReport | undefined {
    const slot = this.#engine.holder();
    return slot === 0 ? undefined : this.#stalls.describe(slot);
  }

  /** Figures of this moment. */
  stats(): DomainStats {
    return {
      gracePeriods: this.#engine.completed(),
      readers: claimedSlots(this.arena, this.offset).length,
      deferredBlocks: this.work.blocks.count,
      deferredBytes: this.work.blocks.bytes,
      queuedFunctions: this.work.queuedFunctions,
    };
  }

  /**
   * Frees the domain's block. No context may use the domain afterwards.
   *
   * @throws {RcuError} `DOMAIN_BUSY`: readers are registered or deferred work waits. Nothing
   * changes.
   */
  destroy(): void {
    const { readers, deferredBlocks: blocks, queuedFunctions: functions } = this.stats();
    if (readers + blocks + functions > 0) {
      throw new RcuError("DOMAIN_BUSY", { readers, blocks, functions });
    }
    destroyBlock(this.arena, this.offset);
  }
}

/** Makes what a context needs to drive a domain's grace periods. */
function partsOf(arena: Arena, handle: DomainHandle) {
  const { offset } = handle;
  const kernel = instantiateKernel(arena.memory);
  const engine = handle.kind === "guestmem-srcu"
    ? srcuEngine(kernel, offset)
    : rcuEngine(kernel, offset);
  const label = loadLabel(arena, DOMAIN, offset);
  const stalls = new StallWatch(arena, offset, engine, label);
  const driver = new Driver(arena, offset, engine, stalls);
  return { engine, label, stalls, driver, work: new DeferredWork(arena, handle, driver) };
}

/** Ends what a dead context has in a domain; the blocks that it deferred are freed by this context. */
function evict(memory: SharedMemory, offset: number, token: number): Record<string, number> {
  const readers = instantiateKernel(memory.memory).evictSlots(offset, token);
  const arena = memory as Arena; // whoever evicts has attached to it
  if (coreOf(arena).token !== token) partsOf(arena, handleOf(arena, offset)).work.schedule();
  return { readers };
}

for (const type of [MemberType.DOMAIN, MemberType.SRCU]) {
  evictionHandlers.set(type, {
    expel: ({ memory }, offset, token) => {
      instantiateKernel(memory).expelSlots(offset, token);
    },
    evict,
  });
}
