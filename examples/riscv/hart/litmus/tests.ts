/**
 * Litmus tests of the memory model: what each hart does with two words that are zero at first, and
 * which outcome RVWMO forbids.
 *
 * @module
 */

/** How a store or a load is made: plainly, by an AMO with aq and rl, or by LR and SC with both. */
export type How = "plain" | "amo" | "lrsc";
/** One step of a hart. Loads fill the hart's results in order; stores store 1. */
export type Step =
  | { readonly kind: "store"; readonly word: Word; readonly how: How }
  | { readonly kind: "load"; readonly word: Word; readonly how: How }
  | { readonly kind: "fence" };
export type Word = "x" | "y";

/** A test. */
export interface Litmus {
  readonly name: string;
  readonly harts: readonly (readonly Step[])[];
  /** What every hart's loads gave, in order: the outcome in question. */
  readonly outcome: readonly number[];
  /** Whether RVWMO forbids it. */
  readonly isForbidden: boolean;
}

const FENCE: Step = { kind: "fence" };
const store = (word: Word, how: How = "plain"): Step => ({ kind: "store", word, how });
const load = (word: Word, how: How = "plain"): Step => ({ kind: "load", word, how });

/** Two steps, ordered by nothing, by a fence, or by being atomic. */
function ordered(by: "nothing" | "fence" | How, first: Step, second: Step): Step[] {
  if (by === "nothing") return [first, second];
  if (by === "fence") return [first, FENCE, second];
  return [first, second].map((step) => step.kind === "fence" ? step : { ...step, how: by });
}

const ORDERS = ["nothing", "fence", "amo", "lrsc"] as const;

/** Each shape with each means of ordering. */
export const LITMUS: readonly Litmus[] = ORDERS.flatMap((by) => {
  const isForbidden = by !== "nothing";
  const shape = (name: string, harts: Step[][], outcome: number[]) => ({
    name: `${name}, ordered by ${by}`,
    harts,
    outcome,
    isForbidden,
  });
  return [
    shape("message passing", [
      ordered(by, store("x"), store("y")),
      ordered(by, load("y"), load("x")),
    ], [1, 0]),
    shape("store buffering", [
      ordered(by, store("x"), load("y")),
      ordered(by, store("y"), load("x")),
    ], [0, 0]),
    shape("load buffering", [
      ordered(by, load("x"), store("y")),
      ordered(by, load("y"), store("x")),
    ], [1, 1]),
    shape("independent reads of independent writes", [
      [store("x", by === "nothing" || by === "fence" ? "plain" : by)],
      [store("y", by === "nothing" || by === "fence" ? "plain" : by)],
      ordered(by, load("x"), load("y")),
      ordered(by, load("y"), load("x")),
    ], [1, 0, 1, 0]),
  ];
}).concat({
  name: "coherence: two plain loads of one word",
  harts: [[store("x")], [load("x"), load("x")]],
  outcome: [1, 0],
  isForbidden: true,
});
