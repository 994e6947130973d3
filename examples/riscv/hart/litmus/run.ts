/**
 * A hart's part in a litmus test.
 *
 * @module
 */

import { EXIT } from "../hart.ts";
import type { Board } from "../test_board.ts";
import { prepare } from "./program.ts";
import type { Litmus } from "./tests.ts";

/** Runs all rounds of a test on a hart, while other contexts run the other harts. */
export function runTest(board: Board, index: number, test: Litmus, inStep: number): void {
  prepare(board, index, test, inStep);
  let exit: number = EXIT.BUDGET;
  while (exit === EXIT.BUDGET) exit = board.hart.run(50_000);
  if (exit !== EXIT.MMIO_STORE) throw new Error(`The hart left by exit ${exit}`);
}
