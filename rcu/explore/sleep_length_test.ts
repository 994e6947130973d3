/** What the explorer does not have: how long a sleep lasts, in the real engine. */

import { assert, assertEquals } from "@std/assert";
import { instantiateKernel } from "../kernel/kernel.ts";

Deno.test("wait32 sleeps for as many milliseconds as it is told", () => {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const start = performance.now();
  assertEquals(instantiateKernel(memory).wait32(64, 0, 40), 2);
  const slept = performance.now() - start;
  assert(slept >= 39.9 && slept < 4000, `it slept for ${slept} ms`);
});
