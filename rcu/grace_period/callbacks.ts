/**
 * The functions that a context has queued to run after a grace period. They run in the context that
 * queued them, in the order in which it did, and nowhere else: a function cannot leave its worker.
 *
 * @module
 */

import { type Arena, coreOf } from "../arena/arena.ts";
import type { Contexts } from "../arena/contexts.ts";
import { DeferredBudgetError } from "../errors/specific_errors.ts";
import { reportUncaught } from "../sync/report_uncaught.ts";

/** A function that waits for a grace period. */
interface Entry {
  readonly cookie: number;
  readonly run: () => void;
}

/** Most functions that run in one turn of the event loop. */
const BATCH = 256;

/** One context's queue in one domain. */
export class Callbacks {
  #contexts: Contexts;
  #limit: number;
  #entries: Entry[] = [];
  #head = 0;
  #ran = 0;

  constructor(arena: Arena, limit: number) {
    this.#contexts = coreOf(arena).contexts;
    this.#limit = limit;
  }

  /** How many functions wait. */
  get length(): number {
    return this.#entries.length - this.#head;
  }

  /** How many functions have run since the queue was created. */
  get ran(): number {
    return this.#ran;
  }

  /** The cookie of the oldest entry, if any. */
  get firstCookie(): number | undefined {
    return this.#entries[this.#head]?.cookie;
  }

  /**
   * Queues a function.
   *
   * @throws {DeferredBudgetError} If the queue is full: only its own context can run it.
   */
  push(run: () => void, cookie: number): void {
    if (this.length >= this.#limit) {
      const reason = "functions run from the event loop or inside barrier() only";
      throw new DeferredBudgetError({ what: "a function", count: this.length, bytes: 0, reason });
    }
    this.#entries.push({ cookie, run });
    this.#contexts.countQueuedFunctions(1);
  }

  /**
   * Runs, oldest first, functions whose grace period is over.
   *
   * @param over Whether the grace period of a cookie is over.
   * @param most The most functions to run.
   * @returns Whether a function may remain that is ready.
   */
  runReady(over: (cookie: number) => boolean, most: number = BATCH): boolean {
    for (; most > 0; most--) {
      const entry = this.#entries[this.#head];
      if (!entry || !over(entry.cookie)) return false;
      this.#shift();
      runReporting(entry.run);
    }
    return this.length > 0;
  }

  #shift(): void {
    this.#head++;
    this.#ran++;
    this.#contexts.countQueuedFunctions(-1);
    if (this.#head * 2 < this.#entries.length) return;
    this.#entries = this.#entries.slice(this.#head);
    this.#head = 0;
  }
}

/** Runs a function; what it throws becomes an uncaught error of this context, as for any event. */
function runReporting(run: () => void): void {
  try {
    run();
  } catch (error) {
    reportUncaught(error);
  }
}
