/**
 * A program as a table of its commands.
 *
 * @module
 */

import type { Call, OptionSpec } from "./call.ts";

/** What a command prints to. */
export interface Output {
  /** Prints a line of the result. */
  out(line: string): void;
  /** Prints a line about the run. */
  err(line: string): void;
}

/** A command. */
export interface CommandSpec<Host extends Output> {
  /** Its words, such as "machine check"; "" if the program is one command. */
  readonly name: string;
  /** The words that follow, such as "FILE.json [TRACE...]". */
  readonly words?: string;
  /** One line, for the list of commands. */
  readonly summary: string;
  /** More, for the help of this command: lines of at most 80 columns. */
  readonly details?: string;
  readonly options?: Readonly<Record<string, OptionSpec>>;
  /** Runs it. @returns The exit status. */
  run(call: Call, host: Host): number | Promise<number>;
}

/** A program. */
export interface ProgramSpec<Host extends Output = Output> {
  /** What a person types to run it. */
  readonly command: string;
  readonly summary: string;
  readonly commands: readonly CommandSpec<Host>[];
  /** What the exit statuses mean, and other last words. */
  readonly notes?: string;
}

/** A program that is one command. */
export function singleCommand<Host extends Output>(
  { command, notes, ...only }: Omit<CommandSpec<Host>, "name"> & {
    readonly command: string;
    readonly notes?: string;
  },
): ProgramSpec<Host> {
  const commands = [{ name: "", ...only }];
  return { command, summary: only.summary, commands, ...notes !== undefined && { notes } };
}

/** Exit status: everything worked. */
export const EXIT_OK = 0;
/** Exit status: something differs or is wrong. */
export const EXIT_FAILED = 1;
/** Exit status: the command line or a file is wrong. */
export const EXIT_USAGE = 2;
