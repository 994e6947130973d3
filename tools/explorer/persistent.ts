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
import type { Outlook } from "./outlook.ts";

/** By thread, the threads that come with it; the search has one thread of its own. */
const comesWith = new Int32Array(32);

/**
 * The threads that move in a state: a smallest closed set with one that can move, as bits.
 *
 * @param outlook What the threads can do there.
 * @param futures What they may do later.
 * @param accepts Whether a set may be taken; the set of all is taken in any case.
 */
export function persistentSet(
  outlook: Outlook,
  futures: Futures,
  accepts: (threads: number) => boolean,
): number {
  const { threads, movers, alive } = outlook;
  for (let thread = 0; thread < threads.length; thread++) {
    comesWith[thread] = alive & 1 << thread ? conflicting(outlook, futures, thread) : 0;
  }
  let best = movers;
  for (let thread = 0; thread < threads.length; thread++) {
    if (!(movers & 1 << thread)) continue;
    const moving = close(1 << thread, threads.length) & movers;
    if (size(moving) < size(best) && accepts(moving)) best = moving;
  }
  return best;
}

/** The other threads whose futures conflict with a thread's next step. */
function conflicting({ threads, alive }: Outlook, futures: Futures, thread: number): number {
  const { touches } = threads[thread]!;
  let found = 0;
  for (let other = 0; other < threads.length; other++) {
    if (other === thread || !(alive & 1 << other)) continue;
    if (conflict(touches, futures.of(threads[other]!.point))) found |= 1 << other;
  }
  return found;
}

function close(set: number, threads: number): number {
  for (let before = 0; before !== set;) {
    before = set;
    for (let thread = 0; thread < threads; thread++) {
      if (set & 1 << thread) set |= comesWith[thread]!;
    }
  }
  return set;
}

function size(set: number): number {
  let count = 0;
  for (; set !== 0; set &= set - 1) count++;
  return count;
}
