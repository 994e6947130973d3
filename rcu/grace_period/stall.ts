/**
 * Stall reports: which reader holds up a grace period, and for how long.
 *
 * @module
 */

import { type Arena, coreOf } from "../arena/arena.ts";
import type { Engine } from "./engine.ts";
import { STALL_GP, STALL_MS, STALL_SINCE } from "./layout.ts";
import { nameReader, type ReaderName } from "./slots.ts";

/** A grace period that takes longer than the domain's threshold. */
export interface StallReport {
  /** The domain's label. */
  readonly domain: string;
  /** Which grace period of the domain, from 1 on. */
  readonly gracePeriod: number;
  /** Milliseconds since an updater first found it held up. */
  readonly elapsedMs: number;
  /** The reader that the updater waits for. */
  readonly reader: ReaderName;
  /** The label of the worker that the reader belongs to, empty if that is no longer known. */
  readonly worker: string;
}

/** Watches one domain from one context. */
export class StallWatch {
  #arena: Arena;
  #f64: Float64Array;
  #domain: number;
  #engine: Engine;
  #label: string;
  /** The grace period reported last, and how many thresholds it had lasted by then. */
  #reported = { since: 0, thresholds: 0 };
  /** Called with each report; again after each further threshold. */
  onStall: ((report: StallReport) => void) | undefined;

  constructor(arena: Arena, domain: number, engine: Engine, label: string) {
    this.#arena = arena;
    this.#f64 = new Float64Array(arena.memory.buffer);
    this.#domain = domain;
    this.#engine = engine;
    this.#label = label;
  }

  /** Describes who holds up the grace period in progress. */
  describe(slot: number): StallReport {
    const reader = nameReader(this.#arena, slot);
    return {
      domain: this.#label,
      gracePeriod: this.#engine.current(),
      elapsedMs: Date.now() - this.#since(),
      reader,
      worker: coreOf(this.#arena).contexts.nameOf(reader.token).label,
    };
  }

  /** Tells the listener if the threshold is past. @returns The milliseconds to the next look. */
  check(slot: number): number {
    const since = this.#since();
    const elapsed = Math.max(Date.now() - since, 0);
    const threshold = this.#arena.u32[(this.#domain + STALL_MS) >>> 2]!;
    const thresholds = Math.floor(elapsed / threshold);
    if (this.#reported.since !== since) this.#reported = { since, thresholds: 0 };
    if (thresholds > this.#reported.thresholds) {
      this.#reported.thresholds = thresholds;
      this.onStall?.(this.describe(slot));
    }
    return threshold - (elapsed % threshold);
  }

  /**
   * When this grace period was first found held up, by any context. Two contexts that note it at
   * once write nearly the same time, and the word is for reports alone.
   */
  #since(): number {
    const { kernel } = this.#arena;
    const current = this.#engine.current() >>> 0;
    const time = (this.#domain + STALL_SINCE) >>> 3;
    if (kernel.load32(this.#domain + STALL_GP) >>> 0 !== current) {
      this.#f64[time] = Date.now();
      kernel.store32(this.#domain + STALL_GP, current);
    }
    return this.#f64[time]!;
  }
}
