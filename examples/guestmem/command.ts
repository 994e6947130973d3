/**
 * What all commands share: their environment and exit codes.
 *
 * @module
 */

import type { FileReader } from "../lib/text_files.ts";

/** A command's access to files and the terminal. */
export interface Environment extends FileReader {
  /** Prints a line of the result. */
  out(line: string): void;
  /** Prints a line about the run. */
  err(line: string): void;
  /** Writes a text file. */
  write(file: string, text: string): Promise<void>;
}

/** Everything worked. */
export const EXIT_OK = 0;
/** Something differs or is wrong. */
export const EXIT_DIFFERS = 1;
/** The input is malformed. */
export const EXIT_INPUT = 2;
