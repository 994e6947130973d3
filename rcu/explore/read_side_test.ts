/** RCU-G3, in the kernel's bytes: what readers call neither loops, retries nor waits. */

import type { Code } from "#tools/explorer/mod.ts";
import { assertEquals } from "@std/assert";
import { kernel } from "./setting.ts";

/** The names of a function's instructions, and of those of the functions that it calls. */
function instructionsOf(code: Code): string[] {
  return code.body.flatMap(({ opcode: { name }, operand }) => {
    return name === "call" ? instructionsOf(kernel.functions[Number(operand)]!) : [name];
  });
}

for (const name of ["lock", "unlock", "readWord", "quiescent", "srcuLock", "srcuUnlock"]) {
  Deno.test(`${name} neither loops, retries nor waits (RCU-G3)`, () => {
    const instructions = instructionsOf(kernel.exports.get(name)!);
    const unbounded = instructions.filter((name) => /^loop|cmpxchg|wait|call_indirect/.test(name));
    assertEquals(unbounded, []);
  });
}
