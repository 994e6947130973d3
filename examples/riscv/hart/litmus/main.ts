/**
 * Races each litmus test on harts in workers, and counts the outcomes: those that the memory model
 * forbids must be missing. Wants a core for each hart; a test has two or four.
 *
 *     deno task riscv:litmus [repeats]
 *
 * @module
 */

import { ask } from "../../../lib/workers.ts";
import { Board } from "../test_board.ts";
import type { Order } from "./hart_worker.ts";
import { clear, outcomes } from "./program.ts";
import { LITMUS } from "./tests.ts";

const repeats = Number(Deno.args[0] ?? 10);
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
  if (isBroken) Deno.exitCode = 1;
  const verdict = isBroken ? "FORBIDDEN and seen" : test.isForbidden ? "forbidden" : "allowed";
  console.log(`${test.name} (${test.outcome} is ${verdict})\n  ${seen}`);
}
