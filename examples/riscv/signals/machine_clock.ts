/**
 * `mtime`: one clock for all contexts.
 *
 * @module
 */

import type { SharedMemory } from "@guestmem/rcu";
import { defineLayout } from "@guestmem/rcu/layout";

/** Ticks of `mtime` in a millisecond: it runs at 10 MHz, as QEMU's. */
export const TICKS_PER_MS = 10_000;

/** The clock's shared words. */
export const CLOCK = defineLayout({
  /**
   * Milliseconds since the epoch at which `mtime` was 0. Written before the harts start, and by the
   * control context while they are paused; the run state orders both before their next load.
   */
  zero: "f64",
  /** The lower half of the latest `mtime` that a context has seen. Changed by compare-and-exchange. */
  latest: "u32",
});

/** Contexts' clocks differ by less than this. */
const LARGEST_SKEW = 2 ** 30;

/**
 * Reads `mtime`. Contexts have clocks of their own, which differ by some microseconds. So whoever reads
 * also publishes, and nobody returns less than what was published before: `mtime` never runs backwards,
 * whichever harts compare it.
 */
export class MachineClock {
  readonly #words: Int32Array;
  readonly #doubles: Float64Array;
  readonly #latest: number;
  readonly #zero: number;
  readonly #origin = performance.timeOrigin;

  /** @param clock Offset of the struct in `memory`. */
  constructor(memory: SharedMemory, clock: number) {
    this.#words = memory.i32;
    this.#doubles = new Float64Array(memory.memory.buffer);
    this.#latest = CLOCK.latest.index(clock);
    this.#zero = CLOCK.zero.index(clock);
  }

  /** Starts the clock at 0. */
  start(): void {
    this.#doubles[this.#zero] = this.#origin + performance.now();
  }

  /** Makes up for a pause of this many milliseconds. All harts are paused. */
  skip(milliseconds: number): void {
    this.#doubles[this.#zero]! += milliseconds;
  }

  /** `mtime` in ticks. */
  now(): number {
    // The two large numbers first: their difference is exact, and small enough to count ticks.
    const origin = this.#origin - this.#doubles[this.#zero]!;
    const ticks = Math.max(0, Math.floor((performance.now() + origin) * TICKS_PER_MS));
    const low = ticks | 0;
    for (;;) {
      const latest = Atomics.load(this.#words, this.#latest);
      const ahead = (low - latest) | 0;
      if (ahead <= 0 && ahead > -LARGEST_SKEW) return ticks - ahead;
      if (Atomics.compareExchange(this.#words, this.#latest, latest, low) === latest) return ticks;
    }
  }
}
