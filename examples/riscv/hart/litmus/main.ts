/**
 * Races each litmus test on harts in workers, and counts the outcomes: those that the memory model
 * forbids must be missing. Wants a core for each hart; a test has two or four.
 *
 * @module
 */

import { singleCommand } from "../../../lib/command_line/program.ts";
import { runMain, STANDARD_OUTPUT } from "../../../lib/command_line/run_program.ts";
import { ask } from "../../../lib/workers.ts";
import { Board } from "../test_board.ts";
import type { Order } from "./hart_worker.ts";
import { clear, outcomes } from "./program.ts";
import { LITMUS } from "./tests.ts";

/** Races each test. @returns Whether a forbidden outcome was seen. */
async function race(repeats: number): Promise<boolean> {
  let failed = false;
  for (const [number, test] of LITMUS.entries()) {
    const board = new Board();
    const counts = new Map<string, number>();
    for (let repeat = 0; repeat < repeats; repeat++) {
      clear(board);
      await Promise.all(test.harts.map((_, index) => {
        const order: Order = { memory: board.memory, index, test: number };
        return ask(import.meta.resolve("./hart_worker.ts"), order);
      }));
      for (const [outcome, times] of outcomes(board, test)) {
        counts.set(outcome, (counts.get(outcome) ?? 0) + times);
      }
    }
    const seen = [...counts].sort().map(([outcome, times]) => `${outcome}: ${times}`).join(", ");
    const isBroken = test.isForbidden && counts.has(test.outcome.join());
    if (isBroken) failed = true;
    const verdict = isBroken ? "FORBIDDEN and seen" : test.isForbidden ? "forbidden" : "allowed";
    console.log(`${test.name} (${test.outcome} is ${verdict})\n  ${seen}`);
  }
  return failed;
}

const LITMUS_RACES = singleCommand({
  command: "deno task riscv:litmus",
  summary: "Races the litmus tests of the memory model on harts in workers.",
  options: { repeats: { value: "N", help: "races of each test (10)" } },
  run: async (call) => await race(call.integer("repeats", 10, 1, 1e9)) ? 1 : 0,
  notes: "Exit status: 1 if an outcome was seen that the memory model forbids.",
});

await runMain(LITMUS_RACES, STANDARD_OUTPUT);
