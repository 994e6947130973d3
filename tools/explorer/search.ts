/**
 * One pass over the states of a program.
 *
 * @module
 */

import { writes } from "./access.ts";
import type { Futures } from "./futures.ts";
import { DIE, type Fault, type Machine } from "./machine.ts";
import { persistentSet } from "./persistent.ts";
import type { MemoryView, Program } from "./program.ts";
import { findRace } from "./races.ts";
import { type Move, StateGraph } from "./state_graph.ts";
import { IntList } from "./int_list.ts";

/** How a pass goes about it. */
export interface SearchOptions {
  /** Fails beyond so many states. */
  readonly limit: number;
  /** Whether to leave out orders that are equivalent to others. */
  readonly reduce: boolean;
  /** Whether to finish one run before the next, or to visit near states first. */
  readonly order: "depth" | "breadth";
  /** Is given the memory of each state in which all threads have ended. */
  readonly onEnd?: (memory: MemoryView) => void;
}

/** A fault and the way to it. */
export interface Found extends Fault {
  /** The steps that lead to it. */
  readonly path: readonly Move[];
  /** The threads whose next steps race. */
  readonly threads?: readonly [number, number];
}

/** What a pass has visited. */
export interface Pass {
  /** How many states. */
  readonly states: number;
  /** How many steps between them. */
  readonly steps: number;
  /** The first fault, if there is any. */
  readonly found?: Found;
}

/** Visits the states of a program until there are no more, or something is wrong. */
export function search(
  program: Program,
  machine: Machine,
  futures: Futures,
  options: SearchOptions,
): Pass {
  return new Search(program, machine, futures, options).run();
}

class Search {
  readonly #program: Program;
  readonly #machine: Machine;
  readonly #futures: Futures;
  readonly #options: SearchOptions;
  readonly #graph: StateGraph;
  readonly #todo = new IntList();
  #scratch: Int32Array;

  constructor(program: Program, machine: Machine, futures: Futures, options: SearchOptions) {
    this.#program = program;
    this.#machine = machine;
    this.#futures = futures;
    this.#options = options;
    this.#scratch = machine.initial();
    this.#graph = new StateGraph(this.#scratch.length);
  }

  run(): Pass {
    const found = this.#visitAll();
    const { size: states, steps } = this.#graph;
    return { states, steps, ...(found && { found }) };
  }

  #visitAll(): Found | undefined {
    const graph = this.#graph;
    const first = this.#machine.initial();
    graph.addFirst(first);
    const fault = this.#firstFault(first) ?? this.#machine.look(first, this.#program.invariant);
    if (fault) return { ...fault, path: [] };
    this.#todo.push(0);
    for (let id = 0; id < graph.size; id++) {
      const next = this.#options.order === "breadth" ? id : this.#todo.pop()!;
      const found = this.#expand(next);
      if (found) return found;
      if (graph.size > this.#options.limit) return this.#tooMany(next);
    }
    return this.#findStuck();
  }

  #firstFault(state: Int32Array): Fault | undefined {
    for (let thread = 0; thread < this.#machine.threads; thread++) {
      const { failure } = this.#machine.thread(state, thread);
      if (failure) return failure;
    }
    return undefined;
  }

  #tooMany(id: number): Found {
    const says = `more than ${this.#options.limit} states: nothing is known`;
    return { kind: "too many states", says, path: this.#graph.pathTo(id) };
  }

  #expand(id: number): Found | undefined {
    const machine = this.#machine;
    const state = this.#graph.get(id);
    const race = findRace(machine, state, this.#program.mayRace);
    if (race) return { ...race, path: this.#graph.pathTo(id) };
    let all = 0;
    for (let thread = 0; thread < machine.threads; thread++) {
      if (machine.choices(state, thread) > 0 || machine.mayDie(state, thread)) all |= 1 << thread;
    }
    if (all === 0) return this.#end(id, state);
    const some = this.#options.reduce
      ? persistentSet(machine, this.#futures, state, (set) => this.#isInvisible(state, set))
      : all;
    const known = this.#graph.size;
    const found = this.#move(id, state, some);
    // Without a new state the others might be put off for ever: no cycle may leave them out.
    if (found || some === all || this.#graph.size > known) return found;
    return this.#move(id, state, all & ~some);
  }

  /** Whether the next steps of these threads change nothing that the invariant may look at. */
  #isInvisible(state: Int32Array, threads: number): boolean {
    if (!this.#program.invariant) return true;
    for (let thread = 0; thread < this.#machine.threads; thread++) {
      if (!(threads & 1 << thread) || this.#machine.hasEnded(state, thread)) continue;
      if (writes(this.#machine.thread(state, thread).access!.kind)) return false;
    }
    return true;
  }

  #move(id: number, state: Int32Array, threads: number): Found | undefined {
    for (let thread = 0; thread < this.#machine.threads; thread++) {
      if (!(threads & 1 << thread)) continue;
      const choices = this.#machine.choices(state, thread);
      for (let choice = 0; choice < choices; choice++) {
        const found = this.#step(id, state, { thread, choice });
        if (found) return found;
      }
      if (!this.#machine.mayDie(state, thread)) continue;
      const found = this.#step(id, state, { thread, choice: DIE });
      if (found) return found;
    }
    return undefined;
  }

  #step(id: number, state: Int32Array, move: Move): Found | undefined {
    const after = this.#scratch;
    after.set(state);
    const fault = this.#machine.apply(after, move.thread, move.choice) ??
      this.#machine.look(after, this.#program.invariant);
    if (fault) return { ...fault, path: [...this.#graph.pathTo(id), move] };
    const number = this.#graph.size;
    if (this.#graph.addStep(id, move, after)) this.#todo.push(number);
    return undefined;
  }

  /** A state in which no thread can move: all have ended, or some sleep for ever. */
  #end(id: number, state: Int32Array): Found | undefined {
    const machine = this.#machine;
    const asleep: string[] = [];
    for (let thread = 0; thread < machine.threads; thread++) {
      if (!machine.hasEnded(state, thread)) asleep.push(this.#program.threads[thread]!.name);
    }
    if (asleep.length > 0) {
      const says = `no thread can move: ${asleep.join(" and ")} would sleep for ever`;
      return { kind: "deadlock", says, path: this.#graph.pathTo(id) };
    }
    this.#options.onEnd?.(machine.view(state));
    const fault = machine.look(state, this.#program.atEnd);
    return fault && { ...fault, path: this.#graph.pathTo(id) };
  }

  /** A state from which no run comes to an end: the threads go round for ever. */
  #findStuck(): Found | undefined {
    const machine = this.#machine;
    const stuck = this.#graph.firstStuck((id) => {
      const state = this.#graph.get(id);
      for (let thread = 0; thread < machine.threads; thread++) {
        if (!machine.hasEnded(state, thread)) return false;
      }
      return true;
    });
    if (stuck < 0) return undefined;
    const says = "the threads go round for ever: from here, no run comes to an end";
    return { kind: "livelock", says, path: this.#graph.pathTo(stuck) };
  }
}
