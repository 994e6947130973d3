import { assertEquals } from "@std/assert";
import { CONTENT, unplug } from "./main.ts";

Deno.test("an unplugged DIMM is not found, lives as long as its reader, and is then used again", async () => {
  assertEquals(await unplug(), {
    seen: { before: CONTENT, after: CONTENT, foundAgain: false },
    finalized: [false, true],
    next: { sameMemory: true, content: 0 },
  });
});
