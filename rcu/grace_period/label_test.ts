import { assertEquals, assertThrows } from "@std/assert";
import { RcuError } from "../errors/rcu_error.ts";
import { encodeLabel, loadLabel, storeLabel } from "./label.ts";

Deno.test("a label comes back from shared memory as it was stored", () => {
  const memory = new Uint8Array(new SharedArrayBuffer(64));
  for (const label of ["", "vcpu 0", "a".repeat(32), "größer ✓"]) {
    storeLabel(memory, 8, encodeLabel(label, 32));
    assertEquals(loadLabel(memory, 8), label);
  }
});

Deno.test("a label's limit counts bytes of UTF-8, not characters", () => {
  assertEquals(encodeLabel("ü".repeat(16), 32).length, 32);
  const error = assertThrows(() => encodeLabel("ü".repeat(17), 32), RcuError);
  assertEquals(error.message.includes("34"), true);
});
