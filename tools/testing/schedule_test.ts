import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Barrier, Schedule, ScheduleStuckError } from "./schedule.ts";
import { withWorkers } from "./workers.ts";
import type { Setup } from "./workers_test_worker.ts";

const URL = import.meta.resolve("./workers_test_worker.ts");

Deno.test("Schedule forces any order between workers and the main thread", () =>
  withWorkers(async (workers) => {
    const a = workers.spawn<Setup>(URL, { base: 0 });
    const b = workers.spawn<Setup>(URL, { base: 0 });
    for (const [first, second] of [[a, b], [b, a]] as const) {
      const schedule = Schedule.create();
      const log = new SharedArrayBuffer(16);
      const words = new Int32Array(log);
      const calls = [
        second.call("append", schedule.buffer, log, 3),
        first.call("append", schedule.buffer, log, 1),
      ];
      schedule.awaitStep(1); // blocks: the calls have been sent all the same
      words[1 + words[0]!++] = 2;
      schedule.reach(2);
      await schedule.awaitStepAsync(3);
      assertEquals([...words], [3, 1, 2, 3]);
      await Promise.all(calls);
    }
  }));

Deno.test("Schedule refuses a step that is not the next", () => {
  const schedule = Schedule.create();
  schedule.reach(1);
  assertThrows(
    () => schedule.reach(3),
    RangeError,
    "Cannot reach step 3: the schedule is at step 1",
  );
  assertThrows(() => schedule.reach(1), RangeError, "is at step 1");
  assertEquals(schedule.step, 1);
});

Deno.test("Schedule reports a wait that does not end, blocking or not", async () => {
  const schedule = Schedule.create(20);
  schedule.reach(1);
  const message = "Waited 20 ms for step 2: the schedule is at step 1";
  assertThrows(() => schedule.awaitStep(2), ScheduleStuckError, message);
  await assertRejects(() => schedule.awaitStepAsync(2), ScheduleStuckError, message);
});

Deno.test("Barrier keeps two workers in step, round after round", () =>
  withWorkers(async (workers) => {
    const { buffer } = Barrier.create(2);
    const count = new SharedArrayBuffer(4);
    const wrong = await Promise.all(
      [0, 1].map(() => workers.spawn<Setup>(URL, { base: 0 }).call("rounds", buffer, count, 500)),
    );
    assertEquals(wrong, [0, 0]);
  }));

Deno.test("Barrier reports who is missing", () => {
  const barrier = Barrier.create(3, 20);
  assertThrows(() => barrier.arrive(), ScheduleStuckError, "1 of 3 have arrived");
});
