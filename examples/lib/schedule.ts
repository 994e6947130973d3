/**
 * A shared word that forces the order of what several workers do. It works in workers and on Deno's
 * main thread, and is sent to a worker as its `buffer`. Each wait has a limit, which turns a
 * deadlock into an error that names the step.
 *
 * @module
 */

/** A wait that takes longer counts as a hang, however slow the machine. */
export const LIMIT_MS = 120_000;

/** A wait for another worker has taken too long. */
export class ScheduleStuckError extends Error {
  override name = "ScheduleStuckError";
}

/** Blocks until `ready(word)`; throws the error of `stuck` when the limit is over. */
export function waitUntil(
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
 * Numbered steps, which contexts reach in turn.
 *
 * ```ts ignore
 * const schedule = Schedule.create();
 * // a reader in a worker: lock(); schedule.reach(1); schedule.awaitStep(2); unlock();
 * schedule.reach(1);
 * schedule.awaitStep(1); // the writer: returns once the reader is inside its section
 * schedule.reach(2);
 * ```
 */
export class Schedule {
  /** Sent to another worker, for {@link attach}. */
  readonly buffer: SharedArrayBuffer;
  readonly #step: Int32Array; // one word: the highest step reached
  readonly #limitMs: number;

  private constructor(buffer: SharedArrayBuffer, limitMs: number) {
    this.buffer = buffer;
    this.#step = new Int32Array(buffer);
    this.#limitMs = limitMs;
  }

  /** A schedule at step 0. */
  static create(limitMs: number = LIMIT_MS): Schedule {
    return new Schedule(new SharedArrayBuffer(4), limitMs);
  }

  /** Attaches to another worker's schedule. */
  static attach(buffer: SharedArrayBuffer, limitMs: number = LIMIT_MS): Schedule {
    return new Schedule(buffer, limitMs);
  }

  /** The highest step reached. */
  get step(): number {
    return Atomics.load(this.#step, 0);
  }

  /** Moves on to `step`, which must be the next one, and wakes those who await it. */
  reach(step: number): void {
    const before = Atomics.compareExchange(this.#step, 0, step - 1, step);
    if (before !== step - 1) {
      throw new RangeError(`Cannot reach step ${step}: the schedule is at step ${before}`);
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
      `Waited ${this.#limitMs} ms for step ${step}: the schedule is at step ${this.step}`,
    );
  }
}
