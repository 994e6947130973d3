/**
 * Forces the order of steps in several workers: the schedule that examples use as well, and a
 * barrier.
 *
 * @module
 */

import { LIMIT_MS, ScheduleStuckError, waitUntil } from "../../examples/lib/schedule.ts";

export { LIMIT_MS, Schedule, ScheduleStuckError } from "../../examples/lib/schedule.ts";

/** Where `parties` contexts meet before any goes on. Reusable, round after round. */
export class Barrier {
  /** Sent to another worker, for {@link attach}. */
  readonly buffer: SharedArrayBuffer;
  readonly #words: Int32Array; // parties; arrived in this round; rounds completed
  readonly #limitMs: number;

  private constructor(buffer: SharedArrayBuffer, limitMs: number) {
    this.buffer = buffer;
    this.#words = new Int32Array(buffer);
    this.#limitMs = limitMs;
  }

  /** A barrier for `parties` contexts. */
  static create(parties: number, limitMs: number = LIMIT_MS): Barrier {
    const barrier = new Barrier(new SharedArrayBuffer(12), limitMs);
    barrier.#words[0] = parties;
    return barrier;
  }

  /** Attaches to another worker's barrier. */
  static attach(buffer: SharedArrayBuffer, limitMs: number = LIMIT_MS): Barrier {
    return new Barrier(buffer, limitMs);
  }

  /** Blocks until all have arrived. */
  arrive(): void {
    const words = this.#words;
    const round = Atomics.load(words, 2);
    const arrived = Atomics.add(words, 1, 1) + 1;
    if (arrived === words[0]) {
      Atomics.store(words, 1, 0); // before the round ends, so that the next one counts from 0
      Atomics.add(words, 2, 1);
      Atomics.notify(words, 2);
      return;
    }
    waitUntil(
      words,
      2,
      (value) => value !== round,
      () =>
        new ScheduleStuckError(
          `Waited ${this.#limitMs} ms at a barrier: ${words[1]} of ${words[0]} have arrived`,
        ),
      this.#limitMs,
    );
  }
}
