/**
 * Runs the allocator's explorations that take long: `deno task explore:heap`. Exits with 1 at a failure.
 *
 * @module
 */

import { explore } from "#tools/explorer/mod.ts";
import { longExplorations } from "./heap_explorations.ts";

let failed = false;
for (const { name, program } of longExplorations) {
  const start = performance.now();
  const { states, failure } = explore(program);
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`${failure?.kind ?? "right"}: ${name} (${states} states, ${seconds} s)`);
  if (failure) {
    failed = true;
    console.log(`${failure.says}\n${failure.trace.join("\n")}`);
  }
}
if (failed) Deno.exit(1);
