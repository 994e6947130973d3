/**
 * What tests and their workers share: indices of an array of shared words, and what either may do.
 *
 * @module
 */

import { spinUntil } from "#tools/testing/until.ts";
import type { RcuDomain } from "../mod.ts";

/** Set by a reader just before it leaves its section. */
export const LEFT = 0;
/** How many functions or notifiers have run. */
export const RAN = 1;
/** How many workers have begun. */
export const READY = 2;
/** Asks the workers that loop to return. */
export const STOP = 3;
/** How many sections were entered. */
export const ENTERED = 4;
/** From here on: how many own the first slot, the second, ... */
export const OWNERS = 5;

/** Waits for a grace period in each of `rounds` sections, which another worker counts in ENTERED. */
export function synchronizeInSections(domain: RcuDomain, words: Int32Array, rounds: number): void {
  let seen = 0;
  for (let round = 0; round < rounds; round++) {
    spinUntil(() => Atomics.load(words, ENTERED) !== seen, "the reader has entered a section");
    seen = Atomics.load(words, ENTERED);
    domain.synchronize({ hurry: true });
  }
}
