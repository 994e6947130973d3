import { assertEquals, assertThrows } from "@std/assert";
import { RcuError } from "../errors/rcu_error.ts";
import { bytes, defineLayout } from "../layout/layout.ts";
import { encodeLabel, loadLabel, storeLabel } from "./label.ts";

const STRUCT = defineLayout({ before: "u32", labelLength: "u32", label: bytes(32) });

Deno.test("a label comes back from shared memory as it was stored", () => {
  const buffer = new SharedArrayBuffer(64);
  const memory = { u32: new Uint32Array(buffer), u8: new Uint8Array(buffer) };
  for (const label of ["", "vcpu 0", "a".repeat(32), "größer ✓"]) {
    storeLabel(memory, STRUCT, 8, encodeLabel(label, STRUCT));
    assertEquals(loadLabel(memory, STRUCT, 8), label);
  }
});

Deno.test("a label's limit counts bytes of UTF-8, not characters", () => {
  assertEquals(encodeLabel("ü".repeat(16), STRUCT).length, 32);
  const error = assertThrows(() => encodeLabel("ü".repeat(17), STRUCT), RcuError);
  assertEquals(error.message.includes("34"), true);
});
