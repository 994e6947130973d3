import { OUTCOME } from "@guestmem/ramblock/memslots";
import { assertEquals } from "@std/assert";
import { HIGH, HOST, LOW, split } from "./main.ts";

Deno.test("a split shows no hole, and the upper half is read-only after it", async () => {
  const [low, high] = [HOST + LOW * 4096, HOST + HIGH * 4096];
  assertEquals(await split(), {
    before: [low, high],
    during: [OUTCOME.RETRY, OUTCOME.RETRY],
    after: [low, OUTCOME.READ_ONLY],
    olderSnapshot: high,
  });
});
