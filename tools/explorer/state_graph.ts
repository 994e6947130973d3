/**
 * The states that an exploration has visited, how each was reached, and the steps between them.
 *
 * @module
 */

import { IntList } from "./int_list.ts";
import { DIE } from "./machine.ts";
import { StateSet } from "./state_set.ts";

/** One step of a trace: which thread moves, and which of its ways it goes. */
export interface Move {
  /** The thread. */
  readonly thread: number;
  /** Which of its ways, or `DIE`. */
  readonly choice: number;
}

/** States by number, in the order in which they were found. */
export class StateGraph {
  readonly #states: StateSet;
  readonly #parents = new IntList();
  readonly #moves = new IntList();
  readonly #froms = new IntList();
  readonly #tos = new IntList();
  readonly #ends = new IntList();
  #steps = 0;

  /** An empty graph over states of one length. */
  constructor(stateLength: number) {
    this.#states = new StateSet(stateLength);
  }

  /** How many states there are. */
  get size(): number {
    return this.#states.size;
  }

  /** How many steps were noted. */
  get steps(): number {
    return this.#steps;
  }

  /** Copies a state. */
  copyTo(id: number, into: Int32Array): void {
    this.#states.copyTo(id, into);
  }

  /** Adds the first state. */
  addFirst(state: Int32Array): void {
    this.#states.add(state);
    this.#parents.push(-1);
    this.#moves.push(0);
  }

  /** Notes a step from one state to another. @returns Whether the other is new. */
  addStep(from: number, thread: number, choice: number, state: Int32Array): boolean {
    const known = this.#states.size;
    const id = this.#states.add(state);
    this.#steps++;
    if (choice !== DIE) {
      this.#froms.push(from);
      this.#tos.push(id);
    }
    if (id !== known) return false;
    this.#parents.push(from);
    this.#moves.push(thread << 6 | choice);
    return true;
  }

  /** The steps by which a state was found. */
  pathTo(id: number): Move[] {
    const path: Move[] = [];
    for (let at = id; this.#parents.get(at) >= 0; at = this.#parents.get(at)) {
      const move = this.#moves.get(at);
      path.push({ thread: move >> 6, choice: move & 63 });
    }
    return path.reverse();
  }

  /** Notes that all threads have ended in a state. */
  markEnd(id: number): void {
    this.#ends.push(id);
  }

  /** The first state from which no run leads to an end, deaths aside; -1 if there is none. */
  firstStuck(): number {
    const { starts, froms } = this.#byTarget();
    const reaches = new Uint8Array(this.size);
    const todo = new IntList();
    const visit = (id: number) => {
      if (reaches[id]) return;
      reaches[id] = 1;
      todo.push(id);
    };
    for (let end = 0; end < this.#ends.length; end++) visit(this.#ends.get(end));
    for (let to = todo.pop(); to !== undefined; to = todo.pop()) {
      for (let edge = starts[to]!; edge < starts[to + 1]!; edge++) visit(froms[edge]!);
    }
    return reaches.indexOf(0);
  }

  /** The steps sorted by where they lead. */
  #byTarget(): { starts: Int32Array; froms: Int32Array } {
    const starts = new Int32Array(this.size + 1);
    for (let edge = 0; edge < this.#tos.length; edge++) starts[this.#tos.get(edge) + 1]!++;
    for (let id = 0; id < this.size; id++) starts[id + 1]! += starts[id]!;
    const next = starts.slice();
    const froms = new Int32Array(this.#tos.length);
    for (let edge = 0; edge < froms.length; edge++) {
      froms[next[this.#tos.get(edge)]!++] = this.#froms.get(edge);
    }
    return { starts, froms };
  }
}
