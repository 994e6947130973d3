import { assertEquals, assertThrows } from "@std/assert";
import { kernelLoader } from "./loader.ts";

// A module that imports a shared memory and exports `nop`.
const NOP = "AGFzbQEAAAABBAFgAAACEgEDZW52Bm1lbW9yeQIDAYCABAMCAQAHBwEDbm9wAAAKBAECAAs=";

function reserve(shared = true) {
  return new WebAssembly.Memory({ initial: 1, maximum: 1, shared });
}

Deno.test("a kernel is instantiated once over each memory, and each loader has its own", () => {
  const kernelOf = kernelLoader<{ nop(): void }>(NOP);
  const memory = reserve();
  const kernel = kernelOf(memory);
  kernel.nop();
  assertEquals(kernelOf(memory) === kernel, true);
  assertEquals(kernelOf(reserve()) === kernel, false);
  assertEquals(kernelLoader(NOP)(memory) === kernel, false);
});

Deno.test("a memory that is not shared is refused", () => {
  assertThrows(() => kernelLoader(NOP)(reserve(false)), WebAssembly.LinkError);
});
