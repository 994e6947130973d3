/**
 * Checks a protocol over shared memory by running every interleaving of it at small size, under
 * sequential consistency and under a weaker model (`order.ts`).
 *
 * A protocol is a table of rows (`program.ts`): the accesses of each function, in order, with the
 * registers they use. Threads are made of them by {@linkcode call}; {@linkcode explore} visits every
 * state; {@linkcode mutants} lists the mistakes that the exploration must find; and
 * {@linkcode accesses} reads the same list out of a kernel's source, so that a test can hold the
 * table against the code.
 *
 * ```ts
 * import { explore, type Row } from "#tools/model/mod.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const side = (own: string, other: string, into: string): Row[] => [
 *   { access: "store", width: 32, word: own, value: 1 },
 *   { access: "load", width: 32, word: other, into },
 *   { access: "store", width: 32, word: `${own} saw`, value: into },
 * ];
 * const { failure } = explore({
 *   words: { x: 0, y: 0, "x saw": 2, "y saw": 2 },
 *   threads: [
 *     { name: "left", body: side("x", "y", "seen") },
 *     { name: "right", body: side("y", "x", "seen") },
 *   ],
 * }, "sc");
 * assertEquals(failure, undefined);
 * ```
 *
 * @module
 */

export { type Counterexample, explore, type Outcome } from "./explore.ts";
export { type Memory } from "./machine.ts";
export { type Mutant, mutants } from "./mutants.ts";
export {
  type Access,
  type AccessKind,
  type Body,
  call,
  type Computed,
  computed,
  type Flow,
  isAccess,
  type Operand,
  type Program,
  type Row,
  type Thread,
  type Words,
} from "./program.ts";
export { accesses, constants, type SourceAccess } from "./source.ts";
