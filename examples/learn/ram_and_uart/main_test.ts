import { MemTxResult } from "@guestmem/flatview";
import { assertEquals } from "@std/assert";
import { print } from "./main.ts";

Deno.test("a vCPU's text goes through RAM and the UART; what they do not take is refused", async () => {
  assertEquals(await print("Hello"), {
    transmitted: "Hello",
    seen: {
      inRam: "Hello",
      wideWrite: MemTxResult.DECODE_ERROR,
      nothing: MemTxResult.DECODE_ERROR,
    },
  });
});
