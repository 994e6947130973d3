/** What all commands use: the environment, exit codes and an error for files. */

/** A file cannot be used. The message names the file, the line and the reason. */
export class FileError extends Error {
  override name = "FileError";

  /** Builds the message from the file's name and what is wrong with it. */
  constructor(file: string, cause: unknown) {
    super(`${file}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

/** A command's access to files and the terminal. */
export interface Environment {
  /** Prints a line of the result. */
  out(line: string): void;
  /** Prints a line about the run. */
  err(line: string): void;
  /** Reads a file. */
  read(file: string): Promise<Uint8Array<ArrayBuffer>>;
  /** Writes a text file. */
  write(file: string, text: string): Promise<void>;
}

/** Everything worked. */
export const EXIT_OK = 0;
/** Something differs or is wrong. */
export const EXIT_DIFFERS = 1;
/** The input is malformed. */
export const EXIT_INPUT = 2;
