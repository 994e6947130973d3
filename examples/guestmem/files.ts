import { FlatViewError } from "@guestmem/flatview";
import { type Machine, parseMachine } from "@guestmem/flatview/machine";
import { type Environment, FileError } from "./command.ts";

/** Runs something on a file, and adds the file's name to a format error. */
export function about<T>(file: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    const isMalformed = error instanceof FlatViewError && error.code === "MALFORMED_TEXT";
    if (isMalformed) throw new FileError(file, error);
    throw error;
  }
}

/** Reads a text file, and decompresses it if its name ends in `.gz`. */
export async function readText(file: string, env: Pick<Environment, "read">): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of await openBytes(file, env)) {
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** Reads a machine file. */
export async function readMachine(file: string, env: Environment): Promise<Machine> {
  const text = await readText(file, env);
  return about(file, () => parseMachine(text));
}

/** The lines of a text file, without their line ends. */
export async function* readLines(
  file: string,
  env: Pick<Environment, "read">,
): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of await openBytes(file, env)) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
  if (rest !== "") yield rest;
}

async function openBytes(
  file: string,
  env: Pick<Environment, "read">,
): Promise<AsyncIterable<Uint8Array>> {
  try {
    const bytes = await env.read(file);
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
