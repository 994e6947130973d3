import { MemTxResult } from "@guestmem/flatview";
import { assertEquals } from "@std/assert";
import { BUFFER, EARLY, unmapUnderDma } from "./main.ts";

Deno.test("an unmapping waits for the write that was translated before; later ones are refused", async () => {
  assertEquals(await unmapUnderDma(), {
    results: { translated: BUFFER, late: MemTxResult.DECODE_ERROR },
    completeTooEarly: false,
    page: [EARLY, 0],
  });
});
