/**
 * The text of `--help`.
 *
 * @module
 */

import type { OptionSpec } from "./call.ts";
import type { CommandSpec, Output, ProgramSpec } from "./program.ts";
import { wrap } from "../terminal/wrap.ts";

const WIDTH = 80;
const HELP: OptionSpec = { help: "print this" };
const VERSION: OptionSpec = { help: "print the version" };

/** Help for a program with several commands; those that start with `group` only. */
export function programHelp<H extends Output>(program: ProgramSpec<H>, group = ""): string {
  const commands = program.commands.filter(({ name }) => name.startsWith(group));
  return [
    program.summary,
    "",
    `Usage: ${program.command} COMMAND ...`,
    "",
    ...table(commands.map(({ name, words = "", summary }) => [`${name} ${words}`.trim(), summary])),
    "",
    ...table([["COMMAND --help", "print what a command does"], ["--version", VERSION.help]]),
    ...notes(program),
  ].join("\n");
}

/** Help for one command. */
export function commandHelp<H extends Output>(
  program: ProgramSpec<H>,
  command: CommandSpec<H>,
): string {
  const { name, words = "", summary, details, options = {} } = command;
  const rows = Object.entries({ ...options, help: HELP, version: VERSION }).map((
    [option, { value, help }],
  ) => [value === undefined ? `--${option}` : `--${option} ${value}`, help] as const);
  return [
    summary,
    "",
    `Usage: ${[program.command, name, words, "[options]"].filter((word) => word).join(" ")}`,
    "",
    ...details === undefined ? [] : [details, ""],
    ...table(rows),
    ...notes(program),
  ].join("\n");
}

function notes({ notes }: { readonly notes?: string }): string[] {
  return notes === undefined ? [] : ["", ...wrap(notes, WIDTH)];
}

/** Names in a column, and what they mean beside it; long names have it below. */
function table(rows: readonly (readonly [string, string])[]): string[] {
  const longest = Math.max(...rows.map(([name]) => name.length));
  const indent = Math.min(longest, 22) + 4;
  return rows.flatMap(([name, help]) => {
    const lines = wrap(help, WIDTH - indent).map((line) => " ".repeat(indent) + line);
    if (name.length + 4 > indent) return [`  ${name}`, ...lines];
    return [`  ${name}`.padEnd(indent) + lines[0]!.trimStart(), ...lines.slice(1)];
  });
}
