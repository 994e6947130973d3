/**
 * Visits every state that a model can reach.
 *
 * @module
 */

import { compile } from "./compile.ts";
import { DIE, Machine, type Memory, type Step } from "./machine.ts";
import { type CompiledProgram, Op } from "./ops.ts";
import type { Program } from "./program.ts";
import { StateSet } from "./state_set.ts";

/** Ends an exploration that grows past every use here. */
const STATE_LIMIT = 3_000_000;

/** How a model goes wrong. */
export interface Counterexample {
  /** What is wrong in the last state. */
  readonly says: string;
  /** The steps that lead there, a line each. */
  readonly trace: readonly string[];
}

/** What an exploration found. */
export interface Outcome {
  /** How many states were visited: all of them if nothing is wrong. */
  readonly states: number;
  /** An assertion that fails, or a state from which the threads can never all finish. */
  readonly failure?: Counterexample;
}

/**
 * Visits every reachable state, depth first.
 *
 * @param program The model.
 * @param memory The memory model to run it under.
 * @returns The first assertion that fails; else a state from which no run of the threads ends, be
 * it that none can move or that they go round for ever; else no failure.
 */
export function explore(program: Program, memory: Memory): Outcome {
  return new Exploration(compile(program), program.words, memory).run();
}

class Exploration {
  readonly #program: CompiledProgram;
  readonly #machine: Machine;
  readonly #names: readonly string[];
  readonly #states: StateSet;
  readonly #stack: number[] = [];
  /** By state: the state it was first reached from, and how. */
  readonly #parents: { readonly id: number; readonly step: Step }[] = [];
  readonly #edges: number[] = [];
  readonly #ends: number[] = [];
  /** By state: 1 if a thread is guessing a branch there, which may be wrong. */
  readonly #tentative: boolean[] = [];

  constructor(program: CompiledProgram, words: Program["words"], memory: Memory) {
    this.#program = program;
    this.#machine = new Machine(program, memory);
    this.#states = new StateSet(this.#machine.initial.length);
    this.#names = Object.entries(words).flatMap(([name, contents]) => {
      return typeof contents === "number"
        ? [name]
        : contents.map((_, index) => `${name}[${index}]`);
    });
  }

  run(): Outcome {
    const start = this.#machine.initial;
    for (let thread = 0; thread < this.#program.threads.length; thread++) {
      const settled = this.#machine.settle(start, thread);
      if (settled !== "ok") throw new Error("The model is wrong before its first step");
    }
    this.#visit(start, -1, { thread: 0, entry: 0 });
    for (let next = this.#stack.pop(); next !== undefined; next = this.#stack.pop()) {
      const violation = this.#tryExpand(next);
      if (violation) return { states: this.#states.size, failure: violation };
    }
    const stuck = this.#findStuck();
    return { states: this.#states.size, ...(stuck && { failure: stuck }) };
  }

  /** An access outside its array is a failure of the model, as an assertion is. */
  #tryExpand(id: number): Counterexample | undefined {
    try {
      return this.#expand(id);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return { says: error.message, trace: this.#trace(id) };
    }
  }

  #expand(id: number): Counterexample | undefined {
    const state = this.#states.get(id);
    for (const step of this.#machine.steps(state)) {
      const after = state.slice();
      this.#machine.apply(after, step);
      const settled = this.#machine.settle(after, step.thread);
      if (settled === "wrong guess") continue;
      if (settled !== "ok") {
        return { says: settled.violation, trace: [...this.#trace(id), this.#line(id, step)] };
      }
      this.#visit(after, id, step);
    }
    return undefined;
  }

  #visit(state: Uint16Array, from: number, step: Step): void {
    const known = this.#states.size;
    const id = this.#states.add(state);
    if (id === known) {
      if (id === STATE_LIMIT) throw new Error(`Cannot explore: more than ${STATE_LIMIT} states`);
      this.#parents.push({ id: from, step });
      this.#tentative.push(this.#machine.guessing(state));
      if (this.#machine.finished(state)) this.#ends.push(id);
      this.#stack.push(id);
    }
    if (from >= 0) this.#edges.push(from, id);
  }

  /** A state that no end can be reached from: one without steps if there is one. */
  #findStuck(): Counterexample | undefined {
    const reaches = backwards(this.#edges, this.#states.size, this.#ends);
    const moves = new Uint8Array(this.#states.size);
    for (let edge = 0; edge < this.#edges.length; edge += 2) moves[this.#edges[edge]!] = 1;
    let found = -1;
    for (let id = 0; id < reaches.length; id++) {
      if (reaches[id] || this.#tentative[id]) continue;
      if (!moves[id]) return { says: "stuck: no thread can move", trace: this.#trace(id) };
      if (found < 0) found = id;
    }
    if (found < 0) return undefined;
    return { says: "stuck: the threads go round for ever", trace: this.#trace(found) };
  }

  #trace(id: number): string[] {
    const lines: string[] = [];
    for (let at = id; at > 0;) {
      const { id: from, step } = this.#parents[at]!;
      lines.push(this.#line(from, step));
      at = from;
    }
    return lines.reverse();
  }

  /** Describes a step that was taken from a state. */
  #line(from: number, step: Step): string {
    const { name } = this.#program.threads[step.thread]!;
    if (step.entry === DIE) return `${name}: dies`;
    if (step.entry < 0) return `${name}: guesses a branch`;
    const state = this.#states.get(from);
    const { instruction, address } = this.#machine.describe(state, step);
    const before = state[address]!;
    this.#machine.apply(state, step);
    const place = instruction.text.replace(/\S+$/, this.#names[address]!);
    if (instruction.op === Op.Notify) return `${name}: ${place}`;
    if (instruction.op === Op.Load || instruction.op === Op.Wait) {
      return `${name}: ${place} = ${before}`;
    }
    return `${name}: ${place} ${before} -> ${state[address]}`;
  }
}

/** Marks the states from which one of `ends` can be reached. */
function backwards(edges: readonly number[], states: number, ends: readonly number[]): Uint8Array {
  // Counting sort of the edges by where they lead.
  const first = new Int32Array(states + 2);
  for (let edge = 0; edge < edges.length; edge += 2) first[edges[edge + 1]! + 2]!++;
  for (let id = 2; id < first.length; id++) first[id]! += first[id - 1]!;
  const sources = new Int32Array(edges.length / 2);
  for (let edge = 0; edge < edges.length; edge += 2) {
    sources[first[edges[edge + 1]! + 1]!++] = edges[edge]!;
  }
  const reaches = new Uint8Array(states);
  const queue = [...ends];
  for (const id of queue) reaches[id] = 1;
  for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
    for (let edge = first[id]!; edge < first[id + 1]!; edge++) {
      const source = sources[edge]!;
      if (reaches[source]) continue;
      reaches[source] = 1;
      queue.push(source);
    }
  }
  return reaches;
}
