/**
 * Runs a program: finds the command, reads its options, and reports what is wrong in one line.
 *
 * @module
 */

import { FileError } from "../text_files.ts";
import { screenOf } from "../terminal/screen.ts";
import { Call } from "./call.ts";
import { commandHelp, programHelp } from "./help.ts";
import { type CommandSpec, EXIT_OK, EXIT_USAGE, type Output, type ProgramSpec } from "./program.ts";
import { UsageError } from "./values.ts";
import { VERSION } from "./version.ts";

/**
 * Runs what a command line asks for.
 *
 * @returns The exit status.
 */
export async function runProgram<H extends Output>(
  program: ProgramSpec<H>,
  words: readonly string[],
  host: H,
): Promise<number> {
  try {
    return await dispatch(program, words, host);
  } catch (error) {
    if (error instanceof UsageError) host.err(`${error.message}. Try --help.`);
    else if (error instanceof FileError) host.err(error.message);
    else throw error;
    return EXIT_USAGE;
  }
}

async function dispatch<H extends Output>(
  program: ProgramSpec<H>,
  words: readonly string[],
  host: H,
): Promise<number> {
  if (words.includes("--version")) {
    host.out(`guestmem ${VERSION}`);
    return EXIT_OK;
  }
  const command = commandOf(program, words);
  if (command === undefined) return withoutCommand(program, words, host);
  const rest = words.slice(command.name === "" ? 0 : command.name.split(" ").length);
  const call = new Call(rest, command.words ?? "", command.options ?? {});
  if (!call.isHelp) return await command.run(call, host);
  host.out(commandHelp(program, command));
  return EXIT_OK;
}

function commandOf<H extends Output>(
  { commands }: ProgramSpec<H>,
  words: readonly string[],
): CommandSpec<H> | undefined {
  return commands.find(({ name }) =>
    name === "" || name.split(" ").every((word, index) => words[index] === word)
  );
}

/** The first words name no command: they ask for help, or are wrong. */
function withoutCommand<H extends Output>(
  program: ProgramSpec<H>,
  words: readonly string[],
  host: Output,
): number {
  const named = words.filter((word) => !word.startsWith("-"));
  const group = program.commands.some(({ name }) => name.startsWith(`${named[0]} `))
    ? `${named[0]} `
    : "";
  if (words.includes("--help") || words.length === 0) {
    host.out(programHelp(program, group));
    return words.length === 0 ? EXIT_USAGE : EXIT_OK;
  }
  const names = program.commands.map(({ name }) => name).filter((name) => name.startsWith(group));
  throw new UsageError(`Cannot run "${words.join(" ")}": expected ${names.join(", ")}`);
}

/** Prints to this process's standard output and standard error. */
export const STANDARD_OUTPUT: Output = {
  out: (line) => screenOf(Deno.stdout).write(`${line}\n`),
  err: (line) => screenOf(Deno.stderr).write(`${line}\n`),
};

/**
 * Runs a program and ends the process with its status. It exits explicitly: a worker that hangs would
 * keep the process alive.
 */
export async function runMain<H extends Output>(program: ProgramSpec<H>, host: H): Promise<never> {
  Deno.exit(await runProgram(program, Deno.args, host));
}
