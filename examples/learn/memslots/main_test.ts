import { assertEquals } from "@std/assert";
import { moveBar } from "./main.ts";

Deno.test("a batch for each section shows a hole, one for the whole commit does not", async () => {
  const whole = await moveBar("one for a commit");
  assertEquals([whole.holes, whole.wrong, whole.mapped > 0], [0, 0, true]);
  const pieces = await moveBar("one for a section");
  assertEquals([pieces.holes > 0, pieces.wrong], [true, 0]);
});
