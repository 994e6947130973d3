/**
 * Explores a program: every order in which its threads can make their steps, under sequential
 * consistency, with deaths.
 *
 * ## Why the reduction is sound
 *
 * In each state only a persistent set of threads moves (`persistent.ts`). Whether a set is persistent
 * depends on what the other threads may still do, which is learned from the runs themselves
 * (`futures.ts`), first from random ones and then from the pass. A pass in which something new was
 * learned is thrown away and repeated. So in the last pass the futures F did not change, and each
 * step that it saw was in F. It remains to be shown that F is right for the steps that it did **not**
 * see as well.
 *
 * Suppose a run from a visited state s comes to a step that F does not have, or to a fault. Take a
 * shortest such run p, over all visited states. If all threads move in s, the first step of p leads to
 * a visited state with a shorter run: a contradiction, unless p has one step, which was then seen. Else
 * a persistent set moves in s. If one of its threads has a step in p, then the first such step is
 * independent of all before it, for a conflict would have been missing in F, and so the run up to
 * there would have been shorter. It can be made first, and leads to a visited state with a shorter run.
 * If none has, p conflicts with none of their next steps, for the same reason, and p is a run from
 * every state to which the set moves. One of these was new when s was visited (or all threads would
 * have moved), so its number is higher than that of s; this ends at a state in which one of the other
 * cases holds. The same argument gives each state in which all threads have ended, each state from
 * which no run comes to an end, and each pair of conflicting steps that are both next.
 *
 * `explore_random_test.ts` holds this against explorations without reduction.
 *
 * @module
 */

import { Futures } from "./futures.ts";
import { Locations, NewlyRacing, NewlyWritten } from "./locations.ts";
import { type Fault, Machine } from "./machine.ts";
import type { MemoryView, Program } from "./program.ts";
import { walkAtRandom } from "./random_walk.ts";
import { type Found, type Pass, search, type SearchOptions } from "./search.ts";
import { traceOf } from "./trace.ts";

/** How an exploration may differ from the ordinary one. */
export interface ExploreOptions {
  /** Fails beyond so many states; 2,000,000 unless given. */
  readonly limit?: number;
  /** Whether to leave out orders that are equivalent to others; true unless given. */
  readonly reduce?: boolean;
  /** Whether a failure is sought again for a shorter trace; true unless given. */
  readonly shorten?: boolean;
  /** Receives the byte offset, in the module, of every instruction that was run. */
  readonly executed?: Set<number>;
  /** Is given the memory of each state in which all threads have ended. */
  readonly onEnd?: (memory: MemoryView) => void;
  /** Is given each fault; the exploration goes on elsewhere, and does not end with one. */
  readonly onFault?: (fault: Fault) => void;
}

/** How a program goes wrong. */
export interface Failure extends Fault {
  /** The steps that lead there, a line each. */
  readonly trace: readonly string[];
}

/** What an exploration found. */
export interface Outcome {
  /** How many states were visited: all that matter, if nothing is wrong. */
  readonly states: number;
  /** How many steps were made between them. */
  readonly steps: number;
  /** What is wrong, if anything is. */
  readonly failure?: Failure;
}

const LIMIT = 2_000_000;

/**
 * Explores a program.
 *
 * @param program The program.
 * @param options How.
 * @throws {RangeError} If the program's memory is of no multiple of 8 bytes, or if a script asks for a
 * function, a block or a thread that is not there.
 * @returns The first failure found: a failed check, a trap, a race, a use after free, a state in which
 * every thread sleeps or from which no run comes to an end; or that there are too many states, which
 * is a failure too. Else no failure: then there is none.
 */
export function explore(program: Program, options: ExploreOptions = {}): Outcome {
  const exploration = new Exploration(program, options);
  const { found, ...counts } = exploration.explore();
  if (!found) return counts;
  const best = options.shorten === false ? found : exploration.shorten(found);
  const { kind, says } = best;
  return { ...counts, failure: { kind, says, trace: exploration.traceOf(best) } };
}

class Exploration {
  readonly #program: Program;
  readonly #executed: Set<number>;
  readonly #options: SearchOptions;
  readonly #written = new Set<number>();
  readonly #racing = new Set<number>();
  #futures!: Futures;
  #machine!: Machine;

  constructor(program: Program, options: ExploreOptions) {
    this.#program = program;
    if (program.bytes % 8 !== 0 || (program.origin ?? 0) % 8 !== 0) {
      throw new RangeError(
        "Cannot explore: the memory and its origin must be multiples of 8 bytes",
      );
    }
    this.#executed = options.executed ?? new Set();
    const { limit = LIMIT, reduce = true, onEnd, onFault } = options;
    const told = { ...(onEnd && { onEnd }), ...(onFault && { onFault }) };
    this.#options = { limit, reduce, order: "depth", ...told };
    this.#findWritten();
  }

  explore(): Pass {
    for (;;) {
      const pass = this.#tryPass(this.#options);
      if (pass) return pass;
    }
  }

  /** The same kind of fault by a shorter way, if near states show one within the limit. */
  shorten(found: Found): Found {
    if (found.kind === "too many states" || found.path.length === 0) return found;
    const pass = this.#tryPass({ ...this.#options, order: "breadth" });
    return pass?.found?.kind === found.kind ? pass.found : found;
  }

  traceOf(found: Found): string[] {
    return traceOf(this.#program, this.#machine, found);
  }

  /** One pass; nothing if it has learned something, and has to be repeated. */
  #tryPass(options: SearchOptions): Pass | undefined {
    try {
      const { growth } = this.#futures;
      const pass = search(this.#program, this.#machine, this.#futures, options);
      const isLast = !options.reduce || this.#futures.growth === growth;
      // A fault is a fault, whatever else there is to learn.
      return isLast || pass.found ? pass : undefined;
    } catch (error) {
      this.#learn(error);
      this.#setUp();
      return undefined;
    }
  }

  /** Learns by random runs over the whole memory which words are written. */
  #findWritten(): void {
    const all = new Set(Array.from({ length: this.#program.bytes / 4 }, (_, word) => word));
    const { mayRace: _, ...program } = this.#program;
    const locations = new Locations(program, all, new Set());
    const futures = new Futures(locations.count);
    const machine = new Machine(program, locations, futures, this.#executed);
    walkAtRandom(machine, futures);
    for (const location of futures.written()) {
      if (location < locations.firstBlock) this.#written.add(location);
      else if (location >= locations.stateLength) {
        this.#written.add(location - locations.stateLength);
      }
    }
    this.#setUp();
  }

  #setUp(): void {
    const locations = new Locations(this.#program, this.#written, this.#racing);
    this.#futures = new Futures(locations.count);
    this.#machine = new Machine(this.#program, locations, this.#futures, this.#executed);
    try {
      walkAtRandom(this.#machine, this.#futures);
    } catch (error) {
      this.#learn(error);
      this.#setUp();
    }
  }

  /** Notes what a state has to hold besides. */
  #learn(error: unknown): void {
    if (error instanceof NewlyWritten) error.words.forEach((word) => this.#written.add(word));
    else if (error instanceof NewlyRacing) this.#racing.add(error.word);
    else throw error;
  }
}
