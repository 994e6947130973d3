/** Longest spin of a wait, in milliseconds. */
const SPIN_MS = 0.02;
/** Shortest spin; below it none. */
const SHORTEST_MS = SPIN_MS / 8;
/** A trial: what this many waits may spin together. */
const SAVED_WAITS = 8;
const TRIAL_MS = SAVED_WAITS * SPIN_MS;
/** Most waits from one trial to the next. */
const MOST_WAITS = 1024;
/** A wait that slept and was no longer than this might have been a spin. */
const SHORT_MS = 10 * SPIN_MS;
/** Polls between two looks at the clock. */
const POLLS = 16;

/** Milliseconds that never go back. */
export type Clock = () => number;

/**
 * How long a thread spins before it sleeps until a word changes: up to 20 us, and nothing where that does
 * not pay. A spin that ended the wait doubles the next one, and one in vain halves it.
 *
 * At zero, two threads may wake each other by turns though both could stay awake: a wake-up costs up to
 * 50 us where a spin costs 2. A spin of 20 us does not lead out of that, because the other thread is still
 * waking up. So after 8 short waits without a spin, one tries for as long as they might have spun. Or the
 * two share a processor, and a spin only keeps the other from running: a trial in vain doubles the number
 * of waits until the next.
 *
 * With one processor nothing spins.
 */
export class AdaptiveSpin {
  readonly #clock: Clock;
  readonly #isUseful: boolean;
  #spinMs = SPIN_MS;
  #saved = 0;
  #waitsForTrial = SAVED_WAITS;

  /** @param clock The clock. @param processors How many threads can run at once. */
  constructor(clock: Clock, processors: number) {
    this.#clock = clock;
    this.#isUseful = processors > 1;
  }

  /** How long the next wait may spin, in milliseconds. */
  get spinMs(): number {
    return this.#isUseful ? this.#spinMs : 0;
  }

  /**
   * Spins for what is left of the time since the wait began.
   *
   * @param seen What the word held. @param start When the wait began.
   * @returns Whether the word has changed. If not, it is time to sleep.
   */
  until(i32: Int32Array, index: number, seen: number, start: number): boolean {
    const deadline = start + this.spinMs;
    if (deadline === start) return false;
    do {
      for (let poll = 0; poll < POLLS; poll++) {
        if (Atomics.load(i32, index) !== seen) return true;
      }
    } while (this.#clock() < deadline);
    return false;
  }

  /** A wait is over. @param start When it began. @param slept Whether it slept. */
  learn(start: number, slept: boolean): void {
    if (!this.#isUseful) return;
    if (!slept) {
      this.#spinMs = Math.min(Math.max(2 * this.#spinMs, SHORTEST_MS), SPIN_MS);
      this.#waitsForTrial = SAVED_WAITS;
    } else if (this.#spinMs > 0) this.#spunInVain();
    else if (this.#clock() - start <= SHORT_MS && ++this.#saved === this.#waitsForTrial) {
      this.#saved = 0;
      this.#spinMs = TRIAL_MS;
    }
  }

  #spunInVain(): void {
    if (this.#spinMs === TRIAL_MS) {
      this.#waitsForTrial = Math.min(2 * this.#waitsForTrial, MOST_WAITS);
      this.#spinMs = 0;
    } else this.#spinMs = this.#spinMs > SHORTEST_MS ? this.#spinMs / 2 : 0;
  }
}

/** How many threads this machine runs at once; 2 where the host does not say, as in Node 20. */
export function processorCount(): number {
  return typeof navigator === "undefined" ? 2 : navigator.hardwareConcurrency ?? 2;
}
