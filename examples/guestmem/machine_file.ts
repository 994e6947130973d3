import { FlatViewError } from "@guestmem/flatview";
import { type Machine, parseMachine } from "@guestmem/flatview/machine";
import { FileError, type FileReader, readText } from "../lib/text_files.ts";

/** Runs something on a file, and adds the file's name to a format error. */
export function namingFile<T>(file: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    const isMalformed = error instanceof FlatViewError && error.code === "MALFORMED_TEXT";
    if (isMalformed) throw new FileError(file, error);
    throw error;
  }
}

/** Reads a machine file. */
export async function readMachine(file: string, files: FileReader): Promise<Machine> {
  return parseMachineFile(file, await readText(file, files));
}

/** Parses the text of a machine file. */
export function parseMachineFile(file: string, text: string): Machine {
  return namingFile(file, () => parseMachine(text));
}
