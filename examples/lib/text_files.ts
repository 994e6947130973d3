/**
 * Reading text files, compressed or not.
 *
 * @module
 */

/** Access to files. */
export interface FileReader {
  /** Reads a file. */
  read(file: string): Promise<Uint8Array<ArrayBuffer>>;
}

/** A file cannot be used. The message names the file, the line and the reason. */
export class FileError extends Error {
  override name = "FileError";

  /** Builds the message from the file's name and what is wrong with it. */
  constructor(file: string, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    // Deno's errors end with the operation and the file's name.
    super(`${file}: ${reason.replace(/: \w+ '[^']*'$/, "")}`, { cause });
  }
}

/** Reads a text file, and decompresses it if its name ends in `.gz`. */
export async function readText(file: string, files: FileReader): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of await openBytes(file, files)) {
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** The lines of a text file, without their line ends. */
export async function* readLines(
  file: string,
  files: FileReader,
): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of await openBytes(file, files)) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
  if (rest !== "") yield rest;
}

async function openBytes(
  file: string,
  files: FileReader,
): Promise<AsyncIterable<Uint8Array>> {
  try {
    const bytes = await files.read(file);
    if (!file.endsWith(".gz")) {
      return (async function* () {
        yield bytes;
      })();
    }
    return unpack(file, bytes);
  } catch (error) {
    throw new FileError(file, error);
  }
}

async function* unpack(file: string, bytes: Uint8Array<ArrayBuffer>): AsyncGenerator<Uint8Array> {
  try {
    yield* new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  } catch (error) {
    throw new FileError(file, `expected gzip: ${error instanceof Error ? error.message : error}`);
  }
}
