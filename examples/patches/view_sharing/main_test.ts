import { assertEquals } from "@std/assert";
import { replaceView } from "./main.ts";

Deno.test("a shared view goes with its dispatch, after its last address space and its last reader", async () => {
  assertEquals(await replaceView(), {
    shared: true,
    alive: {
      "two address spaces have it": 1,
      "one is destroyed": 1,
      "the other has a new view": 2,
      "the reader has left": 1,
    },
    seen: { inItsView: true, inTheNext: false },
  });
});
