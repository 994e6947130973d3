/**
 * What a thread does between its calls of a kernel: ordinary TypeScript, as generator functions.
 *
 * A script yields a {@linkcode Request} for each step that other threads can see (a call of the
 * kernel, a block given back) and gets its result. Everything between two requests is one with the
 * step before it, so it may use only what is the thread's own: its arguments and the results it got.
 *
 * **A script is run again and again.** The explorer returns to earlier states all the time, and a
 * generator cannot be copied. So a thread's place in a script is its arguments and the results that it
 * has got, and the explorer gets there by running the script anew with those results. Each such place
 * is entered once and then known by a number, so this costs nothing in the long run; and two states
 * in which a script has seen the same are one state. Two rules follow:
 *
 * - A script must do the same again: no randomness, no variables outside of it.
 * - **A loop is written with {@linkcode again}**, which ends the script and starts one from its
 *   beginning. A `while` loop would be at a new place in each round, and the exploration would never
 *   end (it would fail by its limit of states).
 *
 * What a script calls by {@linkcode run} gets a place of its own and leaves nothing but its result:
 * what was read inside does not tell states apart any more.
 *
 * @module
 */

import type { Value } from "./arithmetic.ts";
import type { Module } from "./decode.ts";

/** What a script may pass on: to scripts that it runs and as its result. */
export type Scalar = number | string | boolean | undefined;

/** A step that a script asks for. */
export type Request =
  | {
    readonly kind: "call";
    readonly kernel: Module;
    readonly name: string;
    readonly args: readonly Value[];
  }
  | { readonly kind: "free" | "allocate"; readonly block: string }
  | { readonly kind: "dead"; readonly thread: string }
  | { readonly kind: "choose"; readonly count: number }
  | { readonly kind: "run"; readonly script: AnyScript; readonly args: readonly Scalar[] };

/** The generator of a script: it yields requests, and each gets its result. */
export type Steps<R = void> = Generator<Request, R | Again, Scalar>;

/** A script: a generator function over scalars. */
export type Script<A extends readonly Scalar[] = readonly Scalar[], R = void> = (
  ...args: A
) => Steps<R>;

/** A script of any arguments and result. */
// deno-lint-ignore no-explicit-any
export type AnyScript = (...args: any[]) => Steps<any>;

/** Ends a script and starts one in its place. From {@linkcode again}. */
export class Again {
  /** Remembers what is to be started. */
  constructor(readonly script: AnyScript, readonly args: readonly Scalar[]) {}
}

/** A failed {@linkcode check}. */
export class CheckFailure extends Error {
  static {
    this.prototype.name = "CheckFailure";
  }
}

/** One step of a script, to be used with `yield*`, which gives its result. */
export type Step<R> = Iterable<Request, R, Scalar>;

function step<R>(request: Request): Step<R> {
  return {
    *[Symbol.iterator](): Generator<Request, R, Scalar> {
      return (yield request) as R;
    },
  };
}

/** The functions of a kernel as steps. */
export type Calls<Kernel> = {
  readonly [Name in keyof Kernel]: Kernel[Name] extends (...args: infer A) => infer R
    ? (...args: A) => Step<R>
    : never;
};

/**
 * The functions that a kernel exports, as steps of a script.
 *
 * @param kernel The kernel; `Kernel` is the interface that TypeScript sees it by.
 * @example
 * ```ts ignore
 * const k = calls<Kernel>(decodeKernel(KERNEL_BASE64));
 * function* reader(domain: number, slot: number): Steps {
 *   const evicted = yield* k.lock(domain, slot);
 *   check(evicted === 0, "nobody evicts it");
 *   yield* k.unlock(domain, slot);
 * }
 * ```
 */
export function calls<Kernel>(kernel: Module): Calls<Kernel> {
  const functions = [...kernel.exports.keys()].map((name) => {
    return [name, (...args: Value[]) => step({ kind: "call", kernel, name, args })];
  });
  return Object.fromEntries(functions) as Calls<Kernel>;
}

/**
 * Runs another script to its end and gives its result. What it saw is forgotten then.
 *
 * @param script The script.
 * @param args Its arguments.
 */
export function run<A extends readonly Scalar[], R>(
  script: (...args: A) => Steps<R>,
  ...args: A
): Step<R> {
  return step({ kind: "run", script, args });
}

/** Goes round a loop: `return again(script, ...args)` ends this script and starts that one. */
export function again<A extends readonly Scalar[]>(
  // deno-lint-ignore no-explicit-any
  script: (...args: A) => Steps<any>,
  ...args: A
): Again {
  return new Again(script, args);
}

/** Gives a block back: from here on, any access to it is a use after free. */
export function free(block: string): Step<void> {
  return step({ kind: "free", block });
}

/** Takes a block that is free. */
export function allocate(block: string): Step<void> {
  return step({ kind: "allocate", block });
}

/** Whether a thread has died, as a platform reports it. */
export function dead(thread: string): Step<boolean> {
  return step({ kind: "dead", thread });
}

/** The most numbers to choose among. */
const MOST_CHOICES = 32;

/**
 * A number from 0 to `count - 1`: each is explored.
 *
 * @throws {RangeError} If `count` is not an integer from 1 to 32.
 */
export function choose(count: number): Step<number> {
  if (!Number.isInteger(count) || count < 1 || count > MOST_CHOICES) {
    throw new RangeError(`Cannot choose among ${count} numbers: only among 1 to ${MOST_CHOICES}`);
  }
  return step({ kind: "choose", count });
}

/**
 * Fails the exploration unless a condition holds.
 *
 * @param holds The condition, over what the script has seen.
 * @param otherwise What is wrong if it does not hold.
 */
export function check(holds: boolean, otherwise: string): void {
  if (!holds) throw new CheckFailure(otherwise);
}
