/**
 * The demo's command line: `deno task demo --help`.
 *
 * @module
 */

import { demo } from "./demo.ts";
import { Display } from "./display.ts";
import { UsageError } from "../lib/arguments.ts";
import { type Command, HELP, parseCommand } from "./options.ts";
import { formatReport } from "./report.ts";

/**
 * Runs what the command line asks for.
 *
 * @param words The command line.
 * @param print Takes the report.
 * @param display Shows the run's state.
 * @returns The exit status.
 */
export async function main(
  words: string[],
  print: (text: string) => void,
  display: Display,
): Promise<number> {
  let command: Command | "help";
  try {
    command = parseCommand(words);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    display.say(`${error.message}. Try --help.`);
    return 2;
  }
  if (command === "help") {
    print(HELP);
    return 0;
  }
  const { json, ...options } = command;
  const report = await demo(options, display);
  display.clear();
  print(json ? JSON.stringify(report, undefined, 2) : formatReport(report));
  return report.passed ? 0 : 1;
}

if (import.meta.main) {
  const { stderr } = Deno;
  const encoder = new TextEncoder();
  const write = (text: string) => void stderr.writeSync(encoder.encode(text));
  // Exits explicitly: a worker that hangs would keep the process alive.
  Deno.exit(await main(Deno.args, console.log, new Display(write, stderr.isTerminal())));
}
