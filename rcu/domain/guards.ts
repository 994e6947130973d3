/**
 * The guards of an RCU reader's sections, which keep nested ones in order.
 *
 * @module
 */

import { RcuError } from "../errors/rcu_error.ts";
import type { ReadGuard } from "../grace_period/read_guard.ts";

/** `depth` of the outermost guard of a reader that must not enter a section. */
export const OFFLINE = -1;
/** `depth` of the outermost guard of a reader that is no longer registered. */
export const GONE = -2;

/**
 * The guard of a reader's outermost section. It also holds the nesting depth. Each section stores
 * constants there: a counter that it loaded, changed and stored would make it wait for the stores of
 * the section before.
 */
export abstract class OutermostGuard implements ReadGuard {
  /** How many sections are open; `OFFLINE` or `GONE` if none may be. */
  depth = 0;

  /** Leaves the section. */
  abstract unlock(): void;

  /** Whether the outermost section is open. */
  get open(): boolean {
    return this.depth > 0;
  }

  /** The same as `unlock()`, for `using`. */
  [Symbol.dispose](): void {
    this.unlock();
  }

  /** Throws: this guard is not that of the innermost open section. */
  protected misuse(): never {
    throw new RcuError("SECTION_ORDER", { depth: 1, open: Math.max(this.depth, 0) });
  }
}

/** The guard of one deeper nesting depth. */
export class NestedGuard implements ReadGuard {
  #outermost: OutermostGuard;
  #depth: number;

  /** @param outermost The guard that counts. @param depth The depth that this one stands for. */
  constructor(outermost: OutermostGuard, depth: number) {
    this.#outermost = outermost;
    this.#depth = depth;
  }

  /** Whether a section of this depth is open. */
  get open(): boolean {
    return this.#outermost.depth >= this.#depth;
  }

  /** Leaves the section. */
  unlock(): void {
    const { depth } = this.#outermost;
    if (depth !== this.#depth) {
      throw new RcuError("SECTION_ORDER", { depth: this.#depth, open: Math.max(depth, 0) });
    }
    this.#outermost.depth = depth - 1;
  }

  /** The same as `unlock()`, for `using`. */
  [Symbol.dispose](): void {
    this.unlock();
  }
}

/** Debug mode: a guard for one section only, which stays closed once that section is over. */
export class DebugGuard implements ReadGuard {
  #guard: ReadGuard;
  #over = false;

  /** @param guard The ordinary guard of the section. */
  constructor(guard: ReadGuard) {
    this.#guard = guard;
  }

  /** Whether this very section is open. */
  get open(): boolean {
    return !this.#over && this.#guard.open;
  }

  /** Leaves the section. */
  unlock(): void {
    if (this.#over) throw new RcuError("SECTION_ORDER", { depth: 0, open: 0 });
    this.#guard.unlock();
    this.#over = true;
  }

  /** The same as `unlock()`, for `using`. */
  [Symbol.dispose](): void {
    this.unlock();
  }
}
