/**
 * The torture test's command line: `deno task torture --help`.
 *
 * @module
 */

import { UsageError } from "../lib/arguments.ts";
import { type Command, HELP, parseCommand } from "./options.ts";
import { formatReport } from "./report.ts";
import { torture } from "./torture.ts";

/** Shows progress if standard error is a terminal. */
function showProgress(line: string): void {
  if (Deno.stderr.isTerminal()) Deno.stderr.writeSync(new TextEncoder().encode(`\r\x1b[K${line}`));
}

/**
 * Runs what the command line asks for.
 *
 * @param words The command line.
 * @param print Takes the report.
 * @returns The exit status.
 */
export async function main(words: string[], print: (text: string) => void): Promise<number> {
  let command: Command | "help";
  try {
    command = parseCommand(words);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`${error.message}. Try --help.`);
    return 2;
  }
  if (command === "help") {
    print(HELP);
    return 0;
  }
  const { json, ...options } = command;
  const report = await torture(options, showProgress);
  showProgress("");
  print(json ? JSON.stringify(report, undefined, 2) : formatReport(report));
  return report.passed ? 0 : 1;
}

// Exits explicitly: a worker that hangs would keep the process alive.
if (import.meta.main) Deno.exit(await main(Deno.args, console.log));
