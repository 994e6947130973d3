/**
 * How long a wait lasts at most.
 *
 * @module
 */

import { RcuError } from "../errors/rcu_error.ts";
import { type Clock, monotonicClock } from "./clock.ts";

/** What ends a wait before what it waits for has come. Every wait of this package takes it. */
export interface WaitOptions {
  /** The longest time to wait, in milliseconds; without end unless given. */
  readonly timeoutMs?: number;
  /**
   * Ends the wait with its reason. A blocked thread receives no events: for a blocking wait, only what
   * runs inside it can abort the signal, a stall report for example.
   */
  readonly signal?: AbortSignal;
}

/** The longest sleep: then a wait looks whether who holds it up has died, and nobody woke it. */
export const RECHECK_MS = 1000;

/** The end of one wait. */
export class Deadline {
  /** What the caller does, for errors. */
  readonly action: string;
  /** Ends the wait. */
  readonly signal: AbortSignal | undefined;
  readonly #timeoutMs: number;
  readonly #clock: Clock;
  readonly #start: number;

  /**
   * @param action What the caller does, for the error.
   * @param options What ends the wait.
   * @param clock Measures its time.
   * @throws {RangeError} If the time is negative or no number.
   * @throws The signal's reason, if it is aborted.
   */
  constructor(action: string, options: WaitOptions = {}, clock: Clock = monotonicClock) {
    const { timeoutMs = Infinity, signal } = options;
    if (!(timeoutMs >= 0)) {
      throw new RangeError(`Cannot ${action} for ${timeoutMs} ms: it must be a number from 0 on`);
    }
    signal?.throwIfAborted();
    this.action = action;
    this.signal = signal;
    this.#timeoutMs = timeoutMs;
    this.#clock = clock;
    this.#start = clock();
  }

  /**
   * Throws if the wait is over.
   *
   * @param holder Describes who holds it up.
   * @returns How many milliseconds are left to sleep, at most {@linkcode RECHECK_MS}.
   * @throws {RcuError} `WAIT_TIMEOUT` if the time is over.
   * @throws The signal's reason, if it is aborted.
   */
  check(holder: () => string): number {
    this.signal?.throwIfAborted();
    if (this.#timeoutMs === Infinity) return RECHECK_MS;
    const left = this.#timeoutMs - (this.#clock() - this.#start);
    if (left > 0) return Math.min(left, RECHECK_MS);
    throw new RcuError("WAIT_TIMEOUT", {
      action: this.action,
      milliseconds: this.#timeoutMs,
      holder: holder(),
    });
  }
}
