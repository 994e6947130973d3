/**
 * Which threads have to move in a state: the reduction that keeps explorations small.
 *
 * A set of threads is **persistent** if nothing that the other threads may ever do, before one of the
 * set has moved, can conflict with what the set's threads do next. Then each order of steps from here
 * is equivalent to one in which a thread of the set moves first, so the others need not be tried now.
 *
 * The set is closed under one rule: with a thread come all threads whose futures conflict with its
 * next step. For a sleeper that step is its waking: the threads that may wake it come with it.
 *
 * @module
 */

import { conflict, type Futures } from "./futures.ts";
import type { Machine } from "./machine.ts";

/**
 * The threads that move in a state: a smallest closed set with one that can move, as bits.
 *
 * @param accepts Whether a set of one's choice may be taken; the set of all is taken in any case.
 */
export function persistentSet(
  machine: Machine,
  futures: Futures,
  state: Int32Array,
  accepts: (threads: number) => boolean,
): number {
  const { threads } = machine;
  const comesWith = new Array<number>(threads).fill(0);
  let movers = 0;
  for (let thread = 0; thread < threads; thread++) {
    if (machine.choices(state, thread) > 0 || machine.mayDie(state, thread)) movers |= 1 << thread;
    if (machine.hasEnded(state, thread)) continue;
    const { touches } = machine.thread(state, thread);
    for (let other = 0; other < threads; other++) {
      if (other === thread || machine.hasEnded(state, other)) continue;
      const future = futures.of(machine.thread(state, other).point);
      if (conflict(touches, future)) comesWith[thread]! |= 1 << other;
    }
  }
  let best = movers;
  for (let thread = 0; thread < threads; thread++) {
    if (!(movers & 1 << thread)) continue;
    const moving = close(1 << thread, comesWith) & movers;
    if (size(moving) < size(best) && accepts(moving)) best = moving;
  }
  return best;
}

function close(set: number, comesWith: readonly number[]): number {
  for (let before = 0; before !== set;) {
    before = set;
    comesWith.forEach((others, thread) => {
      if (set & 1 << thread) set |= others;
    });
  }
  return set;
}

function size(set: number): number {
  let count = 0;
  for (; set !== 0; set &= set - 1) count++;
  return count;
}
