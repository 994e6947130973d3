/**
 * Compares the published views of random trees with a slow model, through histories of edits:
 *
 *     deno task fuzz [options]
 *
 *     --trees N   how many trees; 10,000 unless given
 *     --seed N    of the random numbers; a new one unless given
 *     --path P    runs only the history that a failure has named
 *
 * Prints the seed. Exits with 1 at the first difference, with the smallest history that shows it.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { Arena, RcuDomain } from "@guestmem/rcu";
import fc from "fast-check";
import { historyPlan, noCounts, runHistory } from "../../flatview/model/edit_history.ts";

const options = parseArgs(Deno.args, { string: ["trees", "seed", "path"] });
const trees = Number(options.trees ?? 10_000);
const seed = Number(options.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]! >>> 1);
console.log(`seed ${seed}`);

const arena = Arena.create({ bytes: 1 << 22 });
const domain = RcuDomain.create(arena);
const counts = noCounts();
const start = performance.now();
const details = fc.check(
  fc.property(historyPlan, (plan) => runHistory(plan, { arena, domain }, counts)),
  { seed, numRuns: trees, ...(options.path === undefined ? {} : { path: options.path }) },
);
const seconds = Math.round((performance.now() - start) / 1000);
const { commits, failures, views, skipped } = counts;
console.log(
  `${counts.trees} trees in ${seconds} s: ${commits} commits and ${failures} failed transactions;\n` +
    `${views} views compared, ${skipped} too large for the model`,
);
if (details.failed) {
  console.error(fc.defaultReportMessage(details));
  Deno.exit(1);
}
console.log("no differences");
