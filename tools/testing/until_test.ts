import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ScheduleStuckError } from "./schedule.ts";
import { rounds, spinUntil, until } from "./until.ts";

Deno.test("a wait looks as often as it takes", async () => {
  let looks = 0;
  await until(() => ++looks === 3, "it has looked three times");
  assertEquals(looks, 3);
  spinUntil(() => ++looks === 6, "it has looked six times");
  assertEquals(looks, 6);
});

Deno.test("there are as many rounds as asked for, and more until the others have done enough", () => {
  assertEquals([...rounds(3, () => true, "at once")], [0, 1, 2]);
  let done = 0;
  assertEquals([...rounds(2, () => ++done > 3, "after three more")], [0, 1, 2, 3, 4]);
});

Deno.test("a condition that never holds is an error, and no hang", async () => {
  await assertRejects(() => until(() => false, "never", 1), ScheduleStuckError, "until never");
  assertThrows(() => spinUntil(() => false, "never", 1), ScheduleStuckError, "until never");
  assertThrows(() => [...rounds(1, () => false, "never", 1)], ScheduleStuckError, "until never");
});
