import { assert, assertEquals } from "@std/assert";
import { migrate } from "./main.ts";

Deno.test("a copy that follows the dirty pages of a running vCPU ends equal to its RAM", async () => {
  const { rounds, isEqual, stores } = await migrate();
  assertEquals([rounds[0], isEqual], [512, true]);
  assert(stores > 0);
});
