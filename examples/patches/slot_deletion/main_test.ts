import { OUTCOME } from "@guestmem/ramblock/memslots";
import { assertEquals } from "@std/assert";
import { deleteSlot, HOST } from "./main.ts";

Deno.test("a mapping that is made late from an older snapshot does not outlive the deletion", async () => {
  assertEquals(await deleteSlot(), {
    fromSnapshot: HOST,
    fromLatest: OUTCOME.RETRY,
    sameTable: false,
    teardown: true,
    afterwards: OUTCOME.NO_SLOT,
  });
});
