/** The memory model between harts: with the schedule forced, and raced by harts in workers. */

import { withWorkers } from "#tools/testing/workers.ts";
import { assert, assertEquals } from "@std/assert";
import { assemble } from "../assembler.ts";
import { Board, r, RAM, s } from "../test_board.ts";
import type { Setup } from "./litmus_test_worker.ts";
import { clear, clearWords, loaded, outcomes, prepareOnce, rewind, ROUNDS } from "./program.ts";
import { LITMUS, type Litmus, type Step } from "./tests.ts";

/** All outcomes of a test over every interleaving of its harts' instructions. */
function interleaved(harts: readonly (readonly Step[])[]): Set<string> {
  const first = new Board();
  const boards = harts.map((_, index) => index ? new Board(first.memory, index) : first);
  const lengths = boards.map((board, index) => prepareOnce(board, index, harts[index]!));
  const found = new Set<string>();
  const run = (schedule: readonly number[]) => {
    clearWords(first);
    boards.forEach(rewind);
    for (const index of schedule) boards[index]!.hart.run(1);
    found.add(boards.flatMap(({ hart }, index) => loaded(hart, harts[index]!)).join());
  };
  const extend = (schedule: readonly number[], left: readonly number[]) => {
    if (left.every((count) => count === 0)) return run(schedule);
    left.forEach((count, index) => {
      if (count) extend([...schedule, index], left.with(index, count - 1));
    });
  };
  extend([], lengths);
  return found;
}

/** Tests whose harts take few enough steps, without loops. */
const FORCED = LITMUS.filter(({ name }) => !/lrsc|independent.*amo/.test(name));

for (const { name, harts, outcome } of FORCED) {
  Deno.test(`forced: ${name}`, () => {
    const found = interleaved(harts);
    assert(!found.has(outcome.join()), [...found].join("; "));
    assert(found.size > 2, "other outcomes are there");
  });
}

Deno.test("forced: stores in the wrong order are found", () => {
  const { harts, outcome } = LITMUS[0]!;
  assert(interleaved([harts[0]!.toReversed(), harts[1]!]).has(outcome.join()));
});

Deno.test("raced: no forbidden outcome in any round", () =>
  withWorkers(async (workers) => {
    const board = new Board();
    const harts = [0, 1, 2, 3].map((index) =>
      workers.spawn<Setup>(import.meta.resolve("./litmus_test_worker.ts"), {
        memory: board.memory,
        index,
      })
    );
    const race = async (test: Litmus, number: number) => {
      clear(board);
      await Promise.all(test.harts.map((_, index) => harts[index]!.call("run", number)));
      const seen = outcomes(board, test);
      assertEquals([...seen.values()].reduce((sum, count) => sum + count), ROUNDS);
      if (test.isForbidden) assertEquals(seen.get(test.outcome.join()), undefined, test.name);
    };
    for (const [number, test] of LITMUS.entries()) await race(test, number);
  }));

/** Adds 1 to the word at x5, x18 times; then leaves. */
const COUNTERS = {
  amo: [r(0x2f, 3, 0, 0, 5, 6)],
  lrsc: [
    { label: "retry" },
    r(0x2f, 3, 2 << 2, 7, 5, 0),
    r(0x33, 0, 0, 7, 7, 6),
    r(0x2f, 3, 3 << 2, 7, 5, 7),
    { branch: "retry", bits: r(0x63, 1, 0, 0, 7, 0) },
  ],
} as const;

for (const [name, add] of Object.entries(COUNTERS)) {
  Deno.test(`raced: no addition by ${name} is lost`, () =>
    withWorkers(async (workers) => {
      const board = new Board();
      const { code } = assemble([
        { label: "again" },
        ...add,
        0xfff90913, // addi x18, x18, -1
        { branch: "again", bits: r(0x63, 1, 0, 0, 18, 0) },
        s(0x23, 3, 0, 0, 0),
      ]);
      const times = 50_000, word = 0x2000;
      await Promise.all([0, 1].map((index) =>
        workers.spawn<Setup>(import.meta.resolve("./litmus_test_worker.ts"), {
          memory: board.memory,
          index,
        }).call("count", code, times, RAM + word)
      ));
      assertEquals(board.view.getBigUint64(word, true), BigInt(2 * times));
    }));
}
