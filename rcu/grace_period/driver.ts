/**
 * Waiting for grace periods: blocking, asynchronous and polled, in any number of contexts at once.
 *
 * There is no grace-period thread. Whoever waits drives, and any other waiting context can go on
 * where a driver stopped or died, since the algorithm's state is in two shared counters that move
 * by compare-and-exchange (`advance` in the kernel). Requests that arrive while a grace period is in
 * progress share the next one.
 *
 * @module
 */

import { type Arena, coreOf } from "../arena/arena.ts";
import { BlockingForbiddenError } from "../errors/specific_errors.ts";
import { instantiateKernel, type Kernel } from "../kernel/kernel.ts";
import { DOMAIN } from "../kernel/layouts.ts";
import { canBlock } from "../sync/blocking.ts";
import { pause } from "../sync/pause.ts";
import { DeadHolder } from "../sync/dead_holder.ts";
import { waitAsync } from "../sync/wait_async.ts";
import type { Deadline } from "../sync/wait_options.ts";
import { refuseInSection, waitOutside } from "../sync/waiting.ts";
import type { Engine } from "./engine.ts";
import { nameReader, ownerOf } from "./slots.ts";
import type { StallReport, StallWatch } from "./stall.ts";

/** Scans of the readers before the driver sleeps: a section is shorter than a sleep. */
const SPINS = 2000;

/** A reader that has held up a grace period for this many milliseconds is asked to hurry. */
const HURRY_AFTER_MS = 10;

/** What an asynchronous wait found when it last looked. */
export interface Look {
  /** What EVENT held before the readers were armed. */
  readonly seen: number;
  /** A reader that is in the way, or 0: look again. */
  readonly slot: number;
  /** Token of the context that it belongs to. */
  readonly holder: number;
  /** The stall report that is due, if any. */
  readonly report: StallReport | undefined;
  /** How long to sleep at most. */
  readonly napMs: number;
}

/** Drives one domain's grace periods from one context. */
export class Driver {
  readonly #arena: Arena;
  readonly #kernel: Kernel;
  readonly #domain: number;
  /** Address of the domain's EVENT word. */
  readonly #event: number;
  readonly #engine: Engine;
  readonly #stalls: StallWatch;

  /**
   * @param arena The arena, as this context attached to it.
   * @param domain The domain's block.
   * @param engine Its grace-period algorithm.
   * @param stalls Told of each reader that is waited for.
   * @param kernel Loads and waits on EVENT.
   */
  constructor(
    arena: Arena,
    domain: number,
    engine: Engine,
    stalls: StallWatch,
    kernel: Kernel = instantiateKernel(arena.memory),
  ) {
    this.#arena = arena;
    this.#kernel = kernel;
    this.#domain = domain;
    this.#event = DOMAIN.event.at(domain);
    this.#engine = engine;
    this.#stalls = stalls;
  }

  /** The cookie of the first grace period that starts after this call. */
  startPoll(): number {
    return this.#engine.startPoll();
  }

  /** Whether that grace period is over; moves it on if no reader is in the way. */
  poll(cookie: number): boolean {
    return this.#engine.advance(cookie) === 0;
  }

  /** The newest grace period that is over: all before it are, too. */
  newestOver(): number {
    return this.#engine.newestOver();
  }

  /**
   * Blocks until the grace period is over.
   *
   * @param cookie The grace period.
   * @param deadline What ends the wait otherwise.
   * @param hurry Whether readers are asked to hurry at once.
   * @throws {WaitInSectionError} Inside an RCU section, or an SRCU section of this domain.
   * @throws {EvictedError} If this context was expelled.
   * @throws {RcuError} `WAIT_TIMEOUT`, or the signal's reason.
   */
  wait(cookie: number, deadline: Deadline, hurry = false): void {
    const { action } = deadline;
    this.refuse(action);
    coreOf(this.#arena).checkAttached();
    waitOutside(action, () => {
      if (hurry && !this.poll(cookie)) this.#engine.arm(true);
      if (this.#spin(cookie)) return;
      if (!canBlock()) throw new BlockingForbiddenError({ action });
      for (let asks = hurry; !this.poll(cookie); asks = true) this.#sleep(cookie, asks, deadline);
    });
  }

  /** Throws if this context is inside a section in which `wait` would wait for itself. */
  refuse(action: string): void {
    refuseInSection(action, { arena: this.#arena, domain: this.#domain });
  }

  /**
   * Resolves once the grace period is over; never blocks.
   *
   * @param cookie The grace period.
   * @param deadline What ends the wait otherwise: the promise rejects.
   * @param asks Whether readers are asked to hurry at once.
   * @param safely Runs each look at the domain, or returns undefined: the grace period is over.
   */
  async waitAsync(
    cookie: number,
    deadline: Deadline,
    asks = false,
    safely: (look: () => Look | undefined) => Look | undefined = (look) => look(),
  ): Promise<void> {
    const dead = new DeadHolder(this.#arena);
    for (let hurry = asks;; hurry = true) {
      deadline.signal?.throwIfAborted();
      const look = safely(() => this.#look(cookie, hurry, deadline));
      if (look === undefined) return;
      if (look.slot === 0) continue;
      if (look.report) this.#stalls.onStall(look.report);
      if (dead.isDue) await dead.look(look.holder);
      const event = DOMAIN.event.index(this.#domain);
      // Lets idle readers of this context rest. They were armed with the others: one that was in the
      // way signals as it goes, which keeps this wait from sleeping.
      await waitAsync(this.#arena.i32, event, look.seen, look.napMs, deadline.signal);
    }
  }

  /** What an asynchronous wait does before it sleeps, in the order of `#sleep`; undefined: it is over. */
  #look(cookie: number, hurry: boolean, deadline: Deadline): Look | undefined {
    if (this.poll(cookie)) return undefined;
    const seen = this.#kernel.load32(this.#event);
    coreOf(this.#arena).checkAttached();
    const slot = this.#engine.arm(hurry);
    if (slot === 0) return { seen, slot, holder: 0, report: undefined, napMs: 0 };
    if (this.poll(cookie)) return undefined;
    const leftMs = deadline.check(() => this.#nameOf(slot));
    const holder = ownerOf(this.#arena, slot);
    if (this.#endDead(holder)) return { seen, slot: 0, holder, report: undefined, napMs: 0 };
    const { report, nextMs } = this.#stalls.due(slot);
    return { seen, slot, holder, report, napMs: Math.min(napMs(nextMs, hurry), leftMs) };
  }

  #spin(cookie: number): boolean {
    for (let spin = 0; spin < SPINS; spin++) {
      if (this.poll(cookie)) return true;
      pause();
    }
    return false;
  }

  /**
   * Sleeps until a reader signals. No wake-up is lost. EVENT is read first. `arm` returns a reader
   * that was still in the way after it had been asked to signal; when that reader moves, there are
   * two cases. It finds the request and adds to EVENT; or another signal has cleared the request,
   * and has added to EVENT since it was read. Either way the sleep below ends.
   *
   * The reader that `arm` returns may belong to a later grace period than the caller's, if another
   * context has completed the caller's in between: hence the last `poll`. If that finds the caller's
   * grace period not over, the reader is in the way of the caller's own or of one before it.
   */
  #sleep(cookie: number, hurry: boolean, deadline: Deadline): void {
    const seen = this.#kernel.load32(this.#event);
    // After EVENT is read, since who expels this context adds to it after the state has changed.
    coreOf(this.#arena).checkAttached();
    const slot = this.#engine.arm(hurry);
    if (slot === 0 || this.poll(cookie)) return;
    const leftMs = deadline.check(() => this.#nameOf(slot));
    if (this.#endDead(ownerOf(this.#arena, slot))) return;
    const nextMs = this.#stalls.check(slot);
    this.#kernel.wait32(this.#event, seen, Math.min(napMs(nextMs, hurry), leftMs));
  }

  /**
   * Releases the slots of a context that certainly runs no more: who evicts it may have died before it
   * came to this domain. Whether there was anything to release.
   */
  #endDead(token: number): boolean {
    const isDead = token !== 0 && coreOf(this.#arena).contexts.isGone(token);
    return isDead && this.#kernel.evictSlots(this.#domain, token) > 0;
  }

  #nameOf(slot: number): string {
    const { label, flavour, token } = nameReader(this.#arena, slot);
    const worker = coreOf(this.#arena).contexts.nameOf(token).label;
    return `reader "${label}" (${flavour}) of worker "${worker}" (context ${token})`;
  }
}

/**
 * How long to sleep, in milliseconds: until the next stall report is due, and until the readers are to
 * be asked to hurry if they were not.
 */
function napMs(nextReportMs: number, hurried: boolean): number {
  return hurried ? nextReportMs : Math.min(nextReportMs, HURRY_AFTER_MS);
}
