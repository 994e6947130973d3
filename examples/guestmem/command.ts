/**
 * What all commands share: their environment.
 *
 * @module
 */

import type { Output } from "../lib/command_line/program.ts";
import type { FileReader } from "../lib/text_files.ts";

/** A command's access to files and the terminal. */
export interface Environment extends FileReader, Output {
  /** Columns of the terminal that `out` prints to; undefined if it is no terminal. */
  columns?(): number | undefined;
  /**
   * Writes a text file.
   *
   * @throws {FileError} If it cannot be written.
   */
  write(file: string, text: string): Promise<void>;
}

/** Prints lines, or writes them to a file if one is named. */
export async function printOrWrite(
  lines: readonly string[],
  file: string | undefined,
  env: Environment,
): Promise<void> {
  if (file === undefined) lines.forEach(env.out);
  else await env.write(file, lines.join("\n") + "\n");
}
