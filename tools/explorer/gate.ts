/**
 * The gate: every mutant of a kernel must be caught by an exploration, or stand in a list with the
 * reason why it is equivalent.
 *
 * Each mutant runs only the explorations that execute an instruction it concerns, the shortest
 * first, up to the first that ends otherwise than it should.
 *
 * @module
 */

import type { Module } from "./decode.ts";
import { explore, type Failure } from "./explore.ts";
import { moduleOf, type Mutant, mutants } from "./mutate.ts";
import type { Program } from "./program.ts";

/** A program, and how its exploration must end. */
export interface Exploration {
  /** What it shows. */
  readonly name: string;
  /** The program. */
  readonly program: Program;
  /** What must go wrong; nothing unless given. */
  readonly fails?: Failure["kind"];
}

/** How a mutant fared: `undecided` if an exploration grew too large and no other caught it. */
export type Verdict = "caught" | "undecided" | "survives" | "not executed";

/** The verdict on one mutant. */
export interface Judged {
  /** Its name. */
  readonly name: string;
  /** How it fared. */
  readonly verdict: Verdict;
  /** The exploration that caught it or grew too large, and how. */
  readonly by?: string;
  /** How long it took. */
  readonly milliseconds: number;
}

/** Verdicts of an earlier run, by key. */
export interface Cache {
  /** The verdict under a key. */
  get(key: string): Judged | undefined;
  /** Notes a verdict. */
  set(key: string, judged: Judged): unknown;
}

/** A judge of the mutants of one kernel. */
export class Gate {
  readonly #module: Module;
  readonly #explorations: readonly Measured[];
  readonly #sources: string;

  /**
   * Runs every exploration once over the kernel as it is.
   *
   * @param module The kernel.
   * @param explorations What must hold of it. Those that must fail judge no mutant: that a wrong
   * program goes wrong in another way, or not at all, says nothing of the kernel.
   * @param sources The source text of the explorations and of the explorer, for the cache.
   * @throws {Error} If one of them does not end as it should.
   */
  constructor(module: Module, explorations: readonly Exploration[], sources = "") {
    this.#module = module;
    this.#sources = hash(new TextEncoder().encode(sources));
    const right = explorations.map(measure).filter(({ fails }) => fails === undefined);
    this.#explorations = right.sort((a, b) => a.states - b.states);
  }

  /**
   * Judges mutants.
   *
   * @param isWanted Whether to judge a mutant, by the name of its function and its number.
   * @param cache Verdicts of earlier runs; a verdict is taken from it if the mutated function, the
   * explorations that execute it and their sources are the same.
   */
  *judge(
    isWanted: (functionName: string, number: number) => boolean = () => true,
    cache?: Cache,
  ): Generator<Judged> {
    let number = 0;
    for (const mutant of mutants(this.#module)) {
      if (!isWanted(mutant.code.name, number++)) continue;
      const key = this.#keyOf(mutant);
      const known = cache?.get(key);
      const judged = known ?? this.#judge(mutant);
      if (!known) cache?.set(key, judged);
      yield judged;
    }
  }

  #judge(mutant: Mutant): Judged {
    const { name } = mutant;
    const start = performance.now();
    const concerned = this.#explorations.filter(({ executed }) => {
      return mutant.at.some((at) => executed.has(at));
    });
    const judged = (verdict: Verdict, by?: string): Judged => {
      const milliseconds = Math.round(performance.now() - start);
      return { name, verdict, milliseconds, ...(by !== undefined && { by }) };
    };
    if (concerned.length === 0) return judged("not executed");
    const kernel = moduleOf(mutant);
    let tooLarge: string | undefined;
    for (const exploration of concerned) {
      const ending = endingOf({ ...exploration.program, kernel }, limitFor(exploration.states));
      if (ending === undefined) continue;
      if (ending === "too many states" && isOneRun(exploration.program)) {
        return judged("caught", `${exploration.name}: it runs on and on`);
      }
      if (ending !== "too many states") {
        return judged("caught", `${exploration.name}: ${ending}`);
      }
      tooLarge ??= exploration.name;
    }
    return tooLarge === undefined ? judged("survives") : judged("undecided", tooLarge);
  }

  /** The mutant's name, its function before and after, and the explorations that execute it. */
  #keyOf({ name, code, at, bytes }: Mutant): string {
    const before = this.#module.bytes.subarray(code.entry.start, code.entry.end);
    const after = bytes.subarray(code.entry.start);
    const by = this.#explorations.filter(({ executed }) =>
      at.some((offset) => executed.has(offset))
    );
    const sizes = by.map(({ name, states }) => `${name} ${states}`);
    const explorations = hash(new TextEncoder().encode(`${sizes}`));
    return `${name} ${hash(before)} ${hash(after)} ${explorations} ${this.#sources}`;
  }
}

interface Measured extends Exploration {
  readonly states: number;
  readonly executed: ReadonlySet<number>;
}

function measure(exploration: Exploration): Measured {
  const executed = new Set<number>();
  const { states, failure } = explore(exploration.program, { executed, shorten: false });
  if (failure?.kind !== exploration.fails) {
    throw new Error(`"${exploration.name}" ends with: ${failure?.says ?? "nothing wrong"}`);
  }
  return { ...exploration, states, executed };
}

/** A mutant may well have more states than the kernel, but not many times as many. */
function limitFor(states: number): number {
  return 4 * states + 20_000;
}

/**
 * Whether a program has one order of steps only. Then each state is a step of that run, and a mutant
 * beyond the limit runs 20,000 accesses longer than four runs of the kernel: it does not end where the
 * kernel does. With several threads, the mutant might only have more orders.
 */
function isOneRun({ threads }: Program): boolean {
  return threads.length === 1 && !threads[0]!.dies;
}

/** How a mutant's exploration ends; a script that cannot deal with what it got counts as caught. */
function endingOf(program: Program, limit: number): string | undefined {
  try {
    return explore(program, { limit, shorten: false }).failure?.kind;
  } catch (error) {
    return `an error, ${(error as Error).message}`;
  }
}

/** FNV-1a, twice with different starts. */
function hash(bytes: Uint8Array): string {
  const once = (start: number) => {
    let sum = start;
    for (const byte of bytes) sum = Math.imul(sum ^ byte, 0x01000193);
    return (sum >>> 0).toString(16);
  };
  return once(0x811c9dc5) + once(0x050c5d1f);
}
