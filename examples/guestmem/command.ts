/** What the commands of the command line have in common. */

/** A file that cannot be used: which, where, and why. */
export class FileError extends Error {
  override name = "FileError";

  /** Builds the message from the file's name and what is wrong with it. */
  constructor(file: string, cause: unknown) {
    super(`${file}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

/** What a command works on: files and the terminal. */
export interface Environment {
  /** A line of the result. */
  out(line: string): void;
  /** A line about the run. */
  err(line: string): void;
  /** The bytes of a file. */
  read(file: string): Promise<Uint8Array<ArrayBuffer>>;
  /** Writes a text file. */
  write(file: string, text: string): Promise<void>;
}

/** Everything worked. */
export const EXIT_OK = 0;
/** Something differs, or is wrong. */
export const EXIT_DIFFERS = 1;
/** The input is malformed. */
export const EXIT_INPUT = 2;
