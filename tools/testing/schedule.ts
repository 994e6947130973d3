/**
 * Shared words by which a test forces the order of what several workers do. They work in workers and
 * on Deno's main thread, and carry over to a worker as their `buffer`. A wait has a limit, which only
 * turns a deadlock into a failure that says where it stood.
 *
 * @module
 */

/** How long a wait may take before it is taken for a hang, on a machine however slow. */
export const LIMIT_MS = 120_000;

/** A wait for another worker that would not end. */
export class ScheduleStuckError extends Error {
  override name = "ScheduleStuckError";
}

/** Blocks until `ready(word)`; throws the error of `stuck` when the limit is over. */
function waitUntil(
  words: Int32Array,
  index: number,
  ready: (value: number) => boolean,
  stuck: () => ScheduleStuckError,
  limitMs: number,
): void {
  const end = performance.now() + limitMs;
  for (let value = Atomics.load(words, index); !ready(value);) {
    const left = end - performance.now();
    if (left <= 0) throw stuck();
    Atomics.wait(words, index, value, left);
    value = Atomics.load(words, index);
  }
}

/**
 * Numbered steps, reached one after the other by whoever is at turn.
 *
 * ```ts
 * import { Schedule } from "#tools/testing/schedule.ts";
 * const schedule = Schedule.create();
 * // a reader in a worker: lock(); schedule.reach(1); schedule.awaitStep(2); unlock();
 * schedule.reach(1);
 * schedule.awaitStep(1); // the writer: returns once the reader is inside its section
 * schedule.reach(2);
 * ```
 */
export class Schedule {
  /** What to send to another worker, for {@link attach}. */
  readonly buffer: SharedArrayBuffer;
  readonly #step: Int32Array; // one word: the highest step reached
  readonly #limitMs: number;

  private constructor(buffer: SharedArrayBuffer, limitMs: number) {
    this.buffer = buffer;
    this.#step = new Int32Array(buffer);
    this.#limitMs = limitMs;
  }

  /** A schedule that stands at step 0. */
  static create(limitMs: number = LIMIT_MS): Schedule {
    return new Schedule(new SharedArrayBuffer(4), limitMs);
  }

  /** The schedule of another worker. */
  static attach(buffer: SharedArrayBuffer, limitMs: number = LIMIT_MS): Schedule {
    return new Schedule(buffer, limitMs);
  }

  /** The highest step reached. */
  get step(): number {
    return Atomics.load(this.#step, 0);
  }

  /** Moves on to `step`, which must be the next one, and wakes who awaits it. */
  reach(step: number): void {
    const before = Atomics.compareExchange(this.#step, 0, step - 1, step);
    if (before !== step - 1) {
      throw new RangeError(`Cannot reach step ${step}: the schedule stands at step ${before}`);
    }
    Atomics.notify(this.#step, 0);
  }

  /** Blocks until `step` or a later one is reached. */
  awaitStep(step: number): void {
    waitUntil(this.#step, 0, (value) => value >= step, () => this.#stuck(step), this.#limitMs);
  }

  /** {@link awaitStep} for a context whose event loop must go on. */
  async awaitStepAsync(step: number): Promise<void> {
    // The timer also keeps the process alive, which a pending waitAsync does not.
    const limit = Promise.withResolvers<void>();
    const timer = setTimeout(() => limit.reject(this.#stuck(step)), this.#limitMs);
    try {
      for (let value = this.step; value < step; value = this.step) {
        await Promise.race([Atomics.waitAsync(this.#step, 0, value).value, limit.promise]);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  #stuck(step: number): ScheduleStuckError {
    return new ScheduleStuckError(
      `Waited ${this.#limitMs} ms for step ${step}: the schedule stands at ${this.step}`,
    );
  }
}

/** Where `parties` contexts meet before any goes on. Can be used again and again. */
export class Barrier {
  /** What to send to another worker, for {@link attach}. */
  readonly buffer: SharedArrayBuffer;
  readonly #words: Int32Array; // parties; arrived in this round; rounds completed
  readonly #limitMs: number;

  private constructor(buffer: SharedArrayBuffer, limitMs: number) {
    this.buffer = buffer;
    this.#words = new Int32Array(buffer);
    this.#limitMs = limitMs;
  }

  /** A barrier for so many contexts. */
  static create(parties: number, limitMs: number = LIMIT_MS): Barrier {
    const barrier = new Barrier(new SharedArrayBuffer(12), limitMs);
    barrier.#words[0] = parties;
    return barrier;
  }

  /** The barrier of another worker. */
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
