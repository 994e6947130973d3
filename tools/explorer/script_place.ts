/**
 * Places in scripts, and the way from one to the next: by running the script anew.
 *
 * @module
 */

import { Again, type AnyScript, CheckFailure, type Request, type Scalar } from "./script.ts";

/** Ends a script that never comes to a step. */
const LONGEST_RUN = 1000;

/** One script that has begun: where it is follows from what it has got. */
interface Activation {
  readonly script: AnyScript;
  readonly args: readonly Scalar[];
  readonly results: readonly Scalar[];
}

/** A place in a thread's scripts: before a step, at the end, or where something is wrong. */
export interface Place {
  /** Distinguishes it from every other place. */
  readonly key: string;
  /** The same for places that differ only in the values that were seen. */
  readonly position: string;
  /** The step that comes next. */
  readonly request?: Exclude<Request, { kind: "run" }>;
  /** What is wrong: a check has failed. */
  readonly failure?: string;
  /** The scripts that have begun, the outermost first. */
  readonly activations: readonly Activation[];
}

/** Finds places, each once. */
export class Places {
  readonly #numbers = new Map<AnyScript, number>();

  /** The first place of a script. */
  start(script: AnyScript, args: readonly Scalar[]): Place {
    return this.#advance([{ script, args, results: [] }]);
  }

  /** The place after the step of this one, which gave `result`. */
  after(place: Place, result: Scalar): Place {
    return this.#advance(withResult(place.activations, result));
  }

  #advance(activations: readonly Activation[]): Place {
    for (let steps = 0; steps < LONGEST_RUN; steps++) {
      const top = activations.at(-1);
      if (!top) return { key: "end", position: "end", activations };
      const outcome = replay(top);
      if (outcome instanceof CheckFailure) {
        return { ...this.#describe(activations), activations, failure: outcome.message };
      }
      const rest = activations.slice(0, -1);
      if (outcome.done) {
        const { value } = outcome;
        activations = value instanceof Again
          ? [...rest, { script: value.script, args: value.args, results: [] }]
          : withResult(rest, value as Scalar);
      } else if (outcome.value.kind === "run") {
        const { script, args } = outcome.value;
        activations = [...activations, { script, args, results: [] }];
      } else return { ...this.#describe(activations), activations, request: outcome.value };
    }
    throw new Error(`A script goes round ${LONGEST_RUN} times without a step`);
  }

  #describe(activations: readonly Activation[]): { key: string; position: string } {
    const parts = activations.map(({ script, args, results }) => {
      const number = this.#numberOf(script);
      return [`${number}(${args.map(text)})${results.map(text)}`, `${number}+${results.length}`];
    });
    return {
      key: parts.map(([key]) => key).join("/"),
      position: parts.map(([, position]) => position).join("/"),
    };
  }

  #numberOf(script: AnyScript): number {
    let number = this.#numbers.get(script);
    if (number === undefined) this.#numbers.set(script, number = this.#numbers.size);
    return number;
  }
}

/** A scalar as a key: -0 and 0 differ for a script, and so do 1 and "1". */
function text(value: Scalar): string {
  return Object.is(value, -0)
    ? "-0"
    : typeof value === "string"
    ? JSON.stringify(value)
    : `${value}`;
}

function withResult(activations: readonly Activation[], result: Scalar): Activation[] {
  const top = activations.at(-1);
  if (!top) return [];
  return [...activations.slice(0, -1), { ...top, results: [...top.results, result] }];
}

/** Runs an activation from its beginning to where it is. */
function replay({ script, args, results }: Activation) {
  try {
    const steps = script(...args);
    let outcome = steps.next(undefined);
    for (const result of results) outcome = steps.next(result);
    return outcome;
  } catch (error) {
    if (error instanceof CheckFailure) return error;
    throw error;
  }
}
