/**
 * One pass over the states of a program.
 *
 * @module
 */

import { writes } from "./access.ts";
import type { Futures } from "./futures.ts";
import { DIE, type Fault, LAND, type Machine } from "./machine.ts";
import { Outlook } from "./outlook.ts";
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
  /** Is given each fault; the search goes on elsewhere, and does not end with one. */
  readonly onFault?: (fault: Fault) => void;
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
  readonly #outlook: Outlook;
  readonly #mayRace: (address: number) => boolean;
  readonly #current: Int32Array;
  readonly #next: Int32Array;

  constructor(program: Program, machine: Machine, futures: Futures, options: SearchOptions) {
    this.#program = program;
    this.#machine = machine;
    this.#futures = futures;
    this.#options = options;
    this.#outlook = new Outlook(machine);
    const { mayRace, origin = 0 } = program;
    this.#mayRace = (address) => mayRace?.(address + origin) ?? false;
    this.#current = machine.initial();
    this.#next = machine.initial();
    this.#graph = new StateGraph(this.#current.length);
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
    const outlook = this.#outlook;
    const state = this.#current;
    this.#graph.copyTo(id, state);
    outlook.look(state);
    const race = findRace(outlook, this.#mayRace);
    if (race && !this.#notes(race)) return { ...race, path: this.#graph.pathTo(id) };
    const { movers } = outlook;
    if (movers === 0) return this.#end(id, state);
    const some = this.#options.reduce && !this.#machine.isWeak
      ? persistentSet(outlook, this.#futures, (set) => this.#isInvisible(set))
      : movers;
    const known = this.#graph.size;
    const found = this.#move(id, state, some);
    // Without a new state the others might be put off for ever: no cycle may leave them out.
    if (found || some === movers || this.#graph.size > known) return found;
    return this.#move(id, state, movers & ~some);
  }

  /** Whether the next steps of these threads change nothing that the invariant may look at. */
  #isInvisible(threads: number): boolean {
    if (!this.#program.invariant) return true;
    return this.#outlook.threads.every(({ access, thread }) => {
      return !(threads & 1 << thread) || !access || !writes(access.kind);
    });
  }

  #move(id: number, state: Int32Array, threads: number): Found | undefined {
    const { ways, mortal, lingering } = this.#outlook;
    for (let thread = 0; thread < ways.length; thread++) {
      if (!(threads & 1 << thread)) continue;
      for (let choice = 0; choice < ways[thread]!; choice++) {
        const found = this.#step(id, state, thread, choice);
        if (found) return found;
      }
      for (let word = 0; lingering[thread]! >>> word !== 0; word++) {
        if (!(lingering[thread]! & 1 << word)) continue;
        const found = this.#step(id, state, thread, LAND + word);
        if (found) return found;
      }
      if (!(mortal & 1 << thread)) continue;
      const found = this.#step(id, state, thread, DIE);
      if (found) return found;
    }
    return undefined;
  }

  #step(id: number, state: Int32Array, thread: number, choice: number): Found | undefined {
    const after = this.#next;
    for (let i = 0; i < state.length; i++) after[i] = state[i]!;
    const fault = this.#machine.apply(after, thread, choice) ??
      this.#machine.look(after, this.#program.invariant);
    if (fault) {
      if (this.#notes(fault)) return undefined;
      return { ...fault, path: [...this.#graph.pathTo(id), { thread, choice }] };
    }
    const number = this.#graph.size;
    if (this.#graph.addStep(id, thread, choice, after)) this.#todo.push(number);
    return undefined;
  }

  /** A state in which no thread can move: all have ended, or some sleep for ever. */
  #end(id: number, state: Int32Array): Found | undefined {
    const machine = this.#machine;
    const { alive } = this.#outlook;
    if (alive !== 0 && !this.#program.mayEndAsleep) {
      const asleep = this.#program.threads.filter((_, thread) => alive & 1 << thread)
        .map(({ name }) => name);
      const says = `no thread can move: ${asleep.join(" and ")} would sleep for ever`;
      const deadlock = { kind: "deadlock", says } as const;
      return this.#notes(deadlock) ? undefined : { ...deadlock, path: this.#graph.pathTo(id) };
    }
    this.#graph.markEnd(id);
    this.#options.onEnd?.(machine.view(state));
    const fault = machine.look(state, this.#program.atEnd);
    if (!fault || this.#notes(fault)) return undefined;
    return { ...fault, path: this.#graph.pathTo(id) };
  }

  /** Tells of a fault, if somebody asks for all of them. */
  #notes(fault: Fault): boolean {
    this.#options.onFault?.(fault);
    return this.#options.onFault !== undefined;
  }

  /** A state from which no run comes to an end: the threads go round for ever. */
  #findStuck(): Found | undefined {
    const stuck = this.#graph.firstStuck();
    if (stuck < 0) return undefined;
    const says = "the threads go round for ever: from here, no run comes to an end";
    return { kind: "livelock", says, path: this.#graph.pathTo(stuck) };
  }
}
