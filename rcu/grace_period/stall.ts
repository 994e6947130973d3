/**
 * Stall reports: which reader holds up a grace period, and for how long.
 *
 * @module
 */

import { type Arena, coreOf } from "../arena/arena.ts";
import { DOMAIN } from "../kernel/layouts.ts";
import { type Clock, monotonicClock } from "../sync/clock.ts";
import type { Engine } from "./engine.ts";
import { type Flavour, nameReader } from "./slots.ts";

/** A grace period that takes longer than the domain's `stallMs`. */
export interface StallReport {
  /** The domain's label. */
  readonly domain: string;
  /** Which grace period of the domain, from 1 on. */
  readonly gracePeriod: number;
  /** Milliseconds since this context first found it held up. */
  readonly elapsedMs: number;
  /** The reader that is waited for. */
  readonly reader: {
    /** The label given at registration. */
    readonly label: string;
    /** Owner token of the context that registered it. */
    readonly token: number;
    /** How it reports quiescent states. */
    readonly flavour: Flavour;
    /** Offset of its slot in the arena. */
    readonly slot: number;
  };
  /** The label of the worker that the reader belongs to; empty if that is no longer known. */
  readonly worker: string;
}

/** Watches one domain from one context. */
export class StallWatch {
  readonly #arena: Arena;
  readonly #domain: number;
  readonly #engine: Engine;
  readonly #label: string;
  readonly #clock: Clock;
  /** The grace period seen last, when it was first found held up, and the slots reported for it. */
  #gracePeriod = -1;
  #since = 0;
  #reported = new Set<number>();
  /** Receives each report, once for each reader and grace period. */
  onStall: (report: StallReport) => void = warnOfStall;

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
    this.#domain = domain;
    this.#engine = engine;
    this.#label = label;
    this.#clock = clock;
  }

  /** Describes the grace period in progress, which the reader of `slot` holds up. */
  describe(slot: number): StallReport {
    const elapsedMs = this.#elapsed();
    const reader = nameReader(this.#arena, slot);
    return {
      domain: this.#label,
      gracePeriod: this.#gracePeriod,
      elapsedMs,
      reader,
      worker: coreOf(this.#arena).contexts.nameOf(reader.token).label,
    };
  }

  /** Reports a stall if one is due. @returns Milliseconds until the next report could be due. */
  check(slot: number): number {
    const { report, nextMs } = this.due(slot);
    if (report) this.onStall(report);
    return nextMs;
  }

  /** The report that is due, if any, for the caller to pass on; and when the next could be. */
  due(slot: number): { readonly report: StallReport | undefined; readonly nextMs: number } {
    const elapsed = this.#elapsed();
    const stallMs = DOMAIN.stallMs.get(this.#arena.u32, this.#domain) || Infinity;
    if (this.#reported.has(slot)) return { report: undefined, nextMs: Infinity };
    if (elapsed < stallMs) return { report: undefined, nextMs: stallMs - elapsed };
    this.#reported.add(slot);
    return { report: this.describe(slot), nextMs: Infinity };
  }

  /** For how long the grace period in progress has been held up, as this context has seen it. */
  #elapsed(): number {
    const current = this.#engine.current();
    if (this.#gracePeriod !== current) {
      this.#gracePeriod = current;
      this.#since = this.#clock();
      this.#reported.clear();
    }
    return this.#clock() - this.#since;
  }
}

/** What to do about a reader of each flavour. */
const ADVICE: Readonly<Record<Flavour, string>> = {
  memb: "A section should be short: leave it before a wait or a long computation.",
  qsbr: "A QSBR reader calls quiescent() often, and offline() before it waits or idles.",
  srcu: "A section that spans an await ends once that is over.",
};

/** What becomes of a report unless `onStall` is set. */
export function warnOfStall(report: StallReport): void {
  const { domain, gracePeriod, elapsedMs, reader, worker } = report;
  console.warn(
    `guestmem: reader "${reader.label}" (${reader.flavour}) of worker "${worker}" (context ` +
      `${reader.token}) has held up grace period ${gracePeriod} of domain "${domain}" for ` +
      `${Math.round(elapsedMs / 100) / 10} s. ${ADVICE[reader.flavour]} If the worker is dead, ` +
      `arena.evict(${reader.token}) ends its sections.`,
  );
}
