/// <reference lib="deno.worker" />
import { serve } from "#tools/testing/worker_side.ts";
import { EXIT } from "../hart.ts";
import { Board } from "../test_board.ts";
import { runTest } from "./run.ts";
import { LITMUS } from "./tests.ts";

const SLICE = 50_000;
/** Few barriers, since the harts may share a core. */
const IN_STEP = 32;

/** A hart of a litmus test. */
const setup = ({ memory, index }: { memory: WebAssembly.Memory; index: number }) => {
  const board = new Board(memory, index);
  return {
    /** Runs all rounds of a test. */
    run(test: number): void {
      runTest(board, index, LITMUS[test]!, IN_STEP);
    },
    /** Adds 1 to a word `times` times, with the instructions given. */
    count(code: readonly number[], times: number, word: number): void {
      const { hart } = board;
      board.program(code, index * 0x400);
      hart.setX(5, BigInt(word));
      hart.setX(6, 1n);
      hart.setX(18, BigInt(times));
      hart.set("pc", BigInt(0x80000000 + index * 0x400));
      hart.flush();
      while (hart.run(SLICE) === EXIT.BUDGET);
    },
  };
};
export type Setup = typeof setup;
serve(setup);
