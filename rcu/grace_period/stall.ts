/**
 * Stall reports: which reader holds up a grace period, and for how long.
 *
 * @module
 */

import { type Arena, coreOf } from "../arena/arena.ts";
import { instantiateKernel, type Kernel } from "../kernel/kernel.ts";
import { DOMAIN } from "../kernel/layouts.ts";
import { type Clock, monotonicClock } from "../sync/clock.ts";
import type { Engine } from "./engine.ts";
import { nameReader, type ReaderName } from "./slots.ts";

/** A grace period that takes longer than the domain's `stallMs`. */
export interface StallReport {
  /** The domain's label. */
  readonly domain: string;
  /** Which grace period of the domain, from 1 on. */
  readonly gracePeriod: number;
  /** Milliseconds since an updater first found it held up. */
  readonly elapsedMs: number;
  /** The reader that the updater waits for. */
  readonly reader: ReaderName;
  /** The label of the worker that the reader belongs to; empty if that is no longer known. */
  readonly worker: string;
}

/** Watches one domain from one context. */
export class StallWatch {
  readonly #arena: Arena;
  readonly #kernel: Kernel;
  readonly #f64: Float64Array;
  readonly #domain: number;
  readonly #engine: Engine;
  readonly #label: string;
  readonly #clock: Clock;
  /** When the grace period reported last was found held up, and how many reports it has had. */
  #reported = { since: 0, reports: 0 };
  /** Receives each report: after `stallMs`, and every further `stallMs`. */
  onStall: ((report: StallReport) => void) | undefined;

  /**
   * @param arena The arena, as this context attached to it.
   * @param domain The domain's block.
   * @param engine Its grace-period algorithm.
   * @param label The domain's label.
   * @param clock Measures how long readers hold up a grace period.
   */
  constructor(
    arena: Arena,
    domain: number,
    engine: Engine,
    label: string,
    clock: Clock = monotonicClock,
  ) {
    this.#arena = arena;
    this.#kernel = instantiateKernel(arena.memory);
    this.#f64 = new Float64Array(arena.memory.buffer);
    this.#domain = domain;
    this.#engine = engine;
    this.#label = label;
    this.#clock = clock;
  }

  /** Describes the grace period in progress, which the reader of `slot` holds up. */
  describe(slot: number): StallReport {
    const reader = nameReader(this.#arena, slot);
    return {
      domain: this.#label,
      gracePeriod: this.#engine.current(),
      elapsedMs: this.#elapsed(this.#since()),
      reader,
      worker: coreOf(this.#arena).contexts.nameOf(reader.token).label,
    };
  }

  /** Reports a stall if one is due. @returns Milliseconds until the next report could be due. */
  check(slot: number): number {
    const { report, nextMs } = this.due(slot);
    if (report) this.onStall?.(report);
    return nextMs;
  }

  /** The report that is due, if any, for the caller to pass on; and when the next could be. */
  due(slot: number): { readonly report: StallReport | undefined; readonly nextMs: number } {
    const since = this.#since();
    const elapsed = this.#elapsed(since);
    const stallMs = DOMAIN.stallMs.get(this.#arena.u32, this.#domain);
    const due = Math.floor(elapsed / stallMs);
    if (this.#reported.since !== since) this.#reported = { since, reports: 0 };
    const isDue = due > this.#reported.reports;
    if (isDue) this.#reported.reports = due;
    const report = isDue && this.onStall ? this.describe(slot) : undefined;
    return { report, nextMs: stallMs - (elapsed % stallMs) };
  }

  /** Never negative: the time may have been noted by another context, whose clock is ahead. */
  #elapsed(since: number): number {
    return Math.max(this.#clock() - since, 0);
  }

  /**
   * When this grace period was first found held up, by any context. Two contexts that note it at
   * once write nearly the same time, and only reports use it.
   */
  #since(): number {
    const current = this.#engine.current() >>> 0;
    const noted = DOMAIN.stallGp.at(this.#domain);
    if (this.#kernel.load32(noted) >>> 0 !== current) {
      DOMAIN.stallSince.set(this.#f64, this.#domain, this.#clock());
      this.#kernel.store32(noted, current);
    }
    return DOMAIN.stallSince.get(this.#f64, this.#domain);
  }
}
