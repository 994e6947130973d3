/// <reference lib="deno.worker" />
import { answer } from "../../../lib/workers.ts";
import { Board } from "../test_board.ts";
import { runTest } from "./run.ts";
import { LITMUS } from "./tests.ts";

/** What {@linkcode answer} is asked for. */
export interface Order {
  readonly memory: WebAssembly.Memory;
  readonly index: number;
  readonly test: number;
}

answer(({ memory, index, test }: Order) => {
  runTest(new Board(memory, index), index, LITMUS[test]!, 1);
  return index;
});
