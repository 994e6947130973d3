/**
 * Which sleepers a notify wakes.
 *
 * @module
 */

import type { Access } from "./access.ts";
import type { ThreadState } from "./thread_states.ts";

/** What is asked of the threads in a state. */
export interface Sleepers {
  /** How many threads there are. */
  readonly threads: number;
  /** Whether a thread sleeps. */
  sleeps(state: Int32Array, thread: number): boolean;
  /** The state of a thread. */
  thread(state: Int32Array, thread: number): ThreadState;
}

/** The sets of sleepers that a notify may wake: any of the size, if it wakes fewer than all. */
export function waysToWake(of: Sleepers, state: Int32Array, { address, low }: Access): number[][] {
  const sleepers: number[] = [];
  for (let thread = 0; thread < of.threads; thread++) {
    if (!of.sleeps(state, thread)) continue;
    if (of.thread(state, thread).access!.address === address) sleepers.push(thread);
  }
  const count = low >>> 0;
  return count >= sleepers.length ? [sleepers] : combinations(sleepers, count);
}

function combinations(of: readonly number[], count: number): number[][] {
  if (count === 0) return [[]];
  return of.flatMap((first, index) => {
    return combinations(of.slice(index + 1), count - 1).map((rest) => [first, ...rest]);
  });
}
