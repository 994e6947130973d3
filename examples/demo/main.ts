/**
 * The demo's command line: `deno task demo --help`.
 *
 * @module
 */

import { type Output, singleCommand } from "../lib/command_line/program.ts";
import { runMain, STANDARD_OUTPUT } from "../lib/command_line/run_program.ts";
import { interruptSignal } from "../lib/terminal/interrupt.ts";
import { formatRows } from "../lib/terminal/report_rows.ts";
import { type Screen, screenOf } from "../lib/terminal/screen.ts";
import { StatusLine } from "../lib/terminal/status_line.ts";
import { demo } from "./demo.ts";
import { OPTIONS, optionsOf } from "./options.ts";
import { reportRows } from "./report.ts";
import { statusParts } from "./status.ts";

/** What the demo runs on. */
export interface DemoHost extends Output {
  /** Where the report is printed. */
  readonly screen: Screen;
  /** Where the run's state is shown. */
  readonly progress: Screen;
  /** Ends the run early. */
  interrupt(): AbortSignal;
}

/** The demo's command. */
export const DEMO = singleCommand<DemoHost>({
  command: "deno task demo",
  summary: "Runs a QEMU machine's memory under vCPU workers.",
  details: `vCPU workers replay a guest's accesses while the map changes, and check each
of them. Ctrl-C ends the run and prints the report so far.`,
  options: OPTIONS,
  async run(call, host) {
    const line = new StatusLine(host.progress);
    const watcher = {
      say: (text: string) => line.say(text),
      show: (status: Parameters<typeof statusParts>[0]) => line.show(statusParts(status)),
    };
    const report = await demo(optionsOf(call), watcher, host.interrupt());
    line.clear();
    if (call.has("json")) host.out(JSON.stringify(report, undefined, 2));
    else host.out(formatRows(reportRows(report), host.screen));
    return report.passed ? 0 : 1;
  },
  notes:
    "Exit status: 0 if every access was right and all memory came back, 1 if not, 2 if the command line is wrong.",
});

if (import.meta.main) {
  await runMain(DEMO, {
    ...STANDARD_OUTPUT,
    screen: screenOf(Deno.stdout),
    progress: screenOf(Deno.stderr),
    interrupt: interruptSignal,
  });
}
