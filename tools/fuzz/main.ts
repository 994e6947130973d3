/**
 * Compares the published views of random trees with a slow model, through histories of edits:
 * `deno task fuzz --help`.
 *
 * @module
 */

import { Arena, RcuDomain } from "@guestmem/rcu";
import fc from "fast-check";
import { singleCommand } from "../../examples/lib/command_line/program.ts";
import { runMain, STANDARD_OUTPUT } from "../../examples/lib/command_line/run_program.ts";
import { seedOf } from "../../examples/lib/command_line/values.ts";
import { screenOf } from "../../examples/lib/terminal/screen.ts";
import { progressBar, StatusLine } from "../../examples/lib/terminal/status_line.ts";
import { historyPlan, noCounts, runHistory } from "../../flatview/model/edit_history.ts";

/** Runs histories. @returns Whether no view differed. */
function fuzz(trees: number, seed: number, path: string | undefined): boolean {
  console.log(`seed ${seed}`);
  const line = new StatusLine(screenOf(Deno.stderr));
  const arena = Arena.create({ bytes: 1 << 22 });
  const domain = RcuDomain.create(arena);
  const counts = noCounts();
  const start = performance.now();
  const details = fc.check(
    fc.property(historyPlan, (plan) => {
      line.show([`${progressBar(counts.trees, trees, 16)} ${counts.trees}/${trees} trees`]);
      runHistory(plan, { arena, domain }, counts);
    }),
    { seed, numRuns: trees, ...(path === undefined ? {} : { path }) },
  );
  line.clear();
  const seconds = Math.round((performance.now() - start) / 1000);
  const { commits, failures, views, skipped } = counts;
  console.log(
    `${counts.trees} trees in ${seconds} s: ${commits} commits and ${failures} failed transactions;\n` +
      `${views} views compared, ${skipped} too large for the model`,
  );
  if (details.failed) console.error(fc.defaultReportMessage(details));
  else console.log("no differences");
  return !details.failed;
}

const FUZZ = singleCommand({
  command: "deno task fuzz",
  summary: "Compares published views of random trees with a slow model.",
  options: {
    trees: { value: "N", help: "how many trees (10000)" },
    seed: { value: "N", help: "of the random numbers (random)" },
    path: { value: "P", help: "runs only the history that a failure has named" },
  },
  run: (call) => {
    const seed = call.integer("seed", seedOf(undefined) >>> 1, 0, 2 ** 31 - 1);
    return fuzz(call.integer("trees", 10_000, 1, 1e9), seed, call.value("path")) ? 0 : 1;
  },
  notes: "Exit status: 1 at the first difference, with the smallest history that shows it.",
});

await runMain(FUZZ, STANDARD_OUTPUT);
