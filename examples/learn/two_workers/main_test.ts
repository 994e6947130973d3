import { assertEquals } from "@std/assert";

Deno.test("the worker sees the last version, and every old one is freed", async () => {
  const { arena, seen } = await import("./main.ts");
  assertEquals(await seen, 1000);
  const { liveBlocks, deferredBlocks } = arena.stats();
  // The domain, the pointer's cell and the last version.
  assertEquals([liveBlocks, deferredBlocks], [3, 0]);
});
