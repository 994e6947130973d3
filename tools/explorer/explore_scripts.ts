/**
 * For tests of the explorer: explores a few scripts over a few words.
 *
 * @module
 */

import { explore, type Outcome } from "./explore.ts";
import { nameWords } from "./names.ts";
import type { Program, Thread } from "./program.ts";
import type { Script } from "./script.ts";
import { testKernel } from "./test_kernel.ts";

/** Addresses of three words and of a block of two. */
export const [X, Y, DATA, BLOCK] = [0, 4, 8, 16] as const;

/** Explores scripts as threads `a`, `b`, `c`. */
export function outcome(
  scripts: readonly Script[],
  more: Partial<Program> = {},
  limit?: number,
): Outcome {
  const threads = scripts.map((script, index): Thread => ({ name: "abc"[index]!, script }));
  const nameOf = nameWords([["x", 4, X], ["y", 4, Y], ["data", 4, DATA], ["block", 8, BLOCK]]);
  const program = { kernel: testKernel, bytes: 32, nameOf, threads, ...more };
  return explore(program, limit === undefined ? {} : { limit });
}
