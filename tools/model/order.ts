/**
 * Which steps of one thread may take effect out of program order.
 *
 * Under sequential consistency: none. Under the weaker model, two accesses of one thread to
 * different words may swap if at least one of them is plain, except after an acquiring load and
 * before a releasing store:
 *
 * | earlier \ later    | plain | seq-cst load | seq-cst store, RMW, notify |
 * |--------------------|-------|--------------|----------------------------|
 * | plain              | swap  | swap         | -                          |
 * | seq-cst load, RMW  | -     | -            | -                          |
 * | seq-cst store      | swap  | -            | -                          |
 *
 * So a plain load may pass the seq-cst store before it, and a plain store may linger past a seq-cst
 * load. On top of the table:
 *
 * - A step waits for the registers that it uses: the address of a plain load is a dependency.
 * - A step that others can see (all but loads) waits for the branches before it. A load does not
 *   wait for a branch on what a plain load will bring: the branch is guessed, both ways are
 *   explored, and a wrong guess is dropped. Branches backward are not guessed.
 * - A seq-cst load or read-modify-write acquires only if another thread of the program stores to its
 *   word: reading what nobody else wrote orders nothing in the language's own model, though some
 *   hardware would order it.
 *
 * A load never takes the value of a store of its own thread before that store is in memory.
 *
 * @module
 */

import { Op } from "./ops.ts";

/** What the order of an access depends on. */
export interface Ordered {
  readonly op: Op;
  readonly plain: boolean;
  /** Whether another thread of the program writes the word. */
  readonly written: boolean;
}

/** Whether nothing later may take effect before this access. */
export function acquires(step: Ordered): boolean {
  if (step.plain || step.op === Op.Store || step.op === Op.Notify) return false;
  return step.op === Op.Wait || step.written;
}

/** Whether nothing earlier may take effect after this access. */
export function releases(step: Ordered): boolean {
  return !step.plain && step.op !== Op.Load;
}

/** Whether `later` may take effect before `earlier`, given that their words differ. */
export function mayPass(later: Ordered, earlier: Ordered): boolean {
  if (!later.plain && !earlier.plain) return false;
  return !acquires(earlier) && !releases(later);
}
