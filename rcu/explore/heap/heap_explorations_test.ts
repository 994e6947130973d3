import { explore } from "#tools/explorer/mod.ts";
import { assertEquals } from "@std/assert";
import { explorations } from "./heap_explorations.ts";

for (const { name, program } of explorations) {
  Deno.test(`explored, heap: ${name}: right`, () => {
    const { states, failure } = explore(program);
    console.log(`  ${states} states`);
    assertEquals(failure?.kind, undefined, `${failure?.says}\n${failure?.trace.join("\n")}`);
  });
}
