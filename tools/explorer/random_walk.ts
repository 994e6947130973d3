/**
 * Random runs: they teach the explorer most of what threads do before it begins.
 *
 * @module
 */

import type { Futures } from "./futures.ts";
import { DIE, type Machine } from "./machine.ts";

const RUNS = 300;
const LONGEST_RUN = 500;
/** Ends after so many runs that taught nothing. */
const IDLE_RUNS = 20;

/**
 * Makes random runs, always the same ones, until some in a row have taught nothing. A run ends where
 * something is wrong.
 *
 * @param machine Runs the threads.
 * @param futures What it tells of their steps.
 */
export function walkAtRandom(machine: Machine, futures: Futures): void {
  const random = randomNumbers(1);
  for (let run = 0, idle = 0; run < RUNS && idle < IDLE_RUNS; run++) {
    const { growth } = futures;
    walk(machine, random);
    idle = futures.growth === growth ? idle + 1 : 0;
  }
}

function walk(machine: Machine, random: (below: number) => number): void {
  const state = machine.initial();
  for (let step = 0; step < LONGEST_RUN; step++) {
    const movers = Array.from({ length: machine.threads }, (_, thread) => thread)
      .filter((thread) => machine.choices(state, thread) > 0);
    if (movers.length === 0) return;
    const thread = movers[random(movers.length)]!;
    const dies = machine.mayDie(state, thread) && random(50) === 0;
    const choice = dies ? DIE : random(machine.choices(state, thread));
    if (machine.apply(state, thread, choice)) return;
  }
}

/** Numbers below a bound, by xorshift. */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}
