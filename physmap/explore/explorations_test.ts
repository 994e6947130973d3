import { explore } from "#tools/explorer/mod.ts";
import { assertEquals } from "@std/assert";
import { explorations } from "./explorations.ts";

for (const { name, program, fails } of explorations) {
  Deno.test(`explored, ${name}: ${fails ?? "right"}`, () => {
    const { states, failure } = explore(program);
    console.log(`  ${states} states`);
    assertEquals(failure?.kind, fails, `${failure?.says}\n${failure?.trace.join("\n")}`);
  });
}
