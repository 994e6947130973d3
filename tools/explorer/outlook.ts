/**
 * What each thread can do in one state.
 *
 * @module
 */

import type { Machine } from "./machine.ts";
import type { ThreadState } from "./thread_states.ts";

/** What each thread can do in the state that was looked at last. */
export class Outlook {
  /** Its state, by thread. */
  readonly threads: ThreadState[] = [];
  /** How many ways it has to go on, by thread. */
  readonly ways: Int32Array;
  /** The words, as bits, whose stores linger, by thread. */
  readonly lingering: Int32Array;
  /** The threads that can move or die, as bits. */
  movers = 0;
  /** The threads that may die. */
  mortal = 0;
  /** The threads that sleep. */
  asleep = 0;
  /** The threads that have neither ended nor died. */
  alive = 0;
  readonly #machine: Machine;

  /** An outlook over the states of a machine. */
  constructor(machine: Machine) {
    this.#machine = machine;
    this.ways = new Int32Array(machine.threads);
    this.lingering = new Int32Array(machine.threads);
  }

  /** Looks at a state. */
  look(state: Int32Array): void {
    const machine = this.#machine;
    this.movers =
      this.mortal =
      this.asleep =
      this.alive =
        0;
    for (let thread = 0; thread < machine.threads; thread++) {
      const bit = 1 << thread;
      this.ways[thread] = this.lingering[thread] = 0;
      this.threads[thread] = machine.thread(state, thread);
      if (machine.hasEnded(state, thread)) continue;
      this.alive |= bit;
      if (machine.sleeps(state, thread)) this.asleep |= bit;
      if (machine.mayDie(state, thread)) this.mortal |= bit;
      this.ways[thread] = machine.choices(state, thread);
      this.lingering[thread] = machine.lingering(state, thread);
      if (this.ways[thread]! > 0 || this.lingering[thread] !== 0) this.movers |= bit;
    }
    this.movers |= this.mortal;
  }
}
