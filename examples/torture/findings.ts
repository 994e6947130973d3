/**
 * Errors that a worker found, by kind.
 *
 * @module
 */

import type { Finding } from "./messages.ts";

/** A worker's list of errors. */
export class Findings {
  readonly #kinds = new Map<string, { count: number; example: string }>();

  /** How many errors there are. */
  count = 0;

  /** Adds an error; the first of its kind is described. */
  add(kind: string, describe: () => string): void {
    this.count++;
    const known = this.#kinds.get(kind);
    if (known) known.count++;
    else this.#kinds.set(kind, { count: 1, example: describe() });
  }

  /** The errors by kind. */
  list(): Finding[] {
    return Array.from(this.#kinds, ([kind, found]) => ({ kind, ...found }));
  }
}
