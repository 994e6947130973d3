import { assertEquals, assertRejects } from "@std/assert";
import { ScheduleStuckError } from "./schedule.ts";
import { until } from "./until.ts";

Deno.test("until waits for as many turns as it takes", async () => {
  let looks = 0;
  await until(() => ++looks === 3, "it has looked three times");
  assertEquals(looks, 3);
});

Deno.test("a condition that never holds is an error, and no hang", async () => {
  await assertRejects(() => until(() => false, "never", 1), ScheduleStuckError, "until never");
});
