/**
 * The torture test's command line: `deno task torture --help`.
 *
 * @module
 */

import { type Output, singleCommand } from "../lib/command_line/program.ts";
import { runMain, STANDARD_OUTPUT } from "../lib/command_line/run_program.ts";
import { interruptSignal } from "../lib/terminal/interrupt.ts";
import { formatRows } from "../lib/terminal/report_rows.ts";
import { type Screen, screenOf } from "../lib/terminal/screen.ts";
import { StatusLine } from "../lib/terminal/status_line.ts";
import { OPTIONS, optionsOf } from "./options.ts";
import { reportRows } from "./report.ts";
import { torture } from "./torture.ts";

/** What the torture test runs on. */
export interface TortureHost extends Output {
  /** Where the report is printed. */
  readonly screen: Screen;
  /** Where the run's state is shown. */
  readonly progress: Screen;
  /** Ends the run early. */
  interrupt(): AbortSignal | undefined;
}

/** The torture test's command. */
export const TORTURE = singleCommand<TortureHost>({
  command: "deno task torture",
  summary: "Tortures RCU with readers and updaters on real workers.",
  details: `Workers read elements and values that other workers replace, free and reuse.
Ctrl-C ends the run and prints the report so far.`,
  options: OPTIONS,
  async run(call, host) {
    const line = new StatusLine(host.progress);
    const report = await torture(optionsOf(call), (parts) => line.show(parts), host.interrupt());
    line.clear();
    if (call.has("json")) host.out(JSON.stringify(report, undefined, 2));
    else host.out(formatRows(reportRows(report), host.screen));
    return report.passed ? 0 : 1;
  },
  notes:
    "Exit status: 0 if the run proves what it should, 1 if it found an error or proves nothing, 2 if the command line is wrong.",
});

if (import.meta.main) {
  await runMain(TORTURE, {
    ...STANDARD_OUTPUT,
    screen: screenOf(Deno.stdout),
    progress: screenOf(Deno.stderr),
    interrupt: interruptSignal,
  });
}
