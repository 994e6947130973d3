/**
 * Stands in for `@std/testing/snapshot` where the JSR registry cannot be reached, with std's file
 * format: a test's snapshots lie in `__snapshots__/<test file>.snap`, and `-- --update` (or `-u`)
 * writes them.
 *
 * Covered: assertSnapshot with all its options. What nothing imports is left out.
 *
 * @module
 */

import { basename, dirname, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { assertEquals, AssertionError } from "./assert.ts";

/** Whether snapshots are compared or written. */
export type SnapshotMode = "assert" | "update";

/** How a value is compared with its snapshot. */
export interface SnapshotOptions<T = unknown> {
  /** The folder of the snapshots, relative to the test's. */
  dir?: string;
  /** By default "update" if `--update` or `-u` was passed, else "assert". */
  mode?: SnapshotMode;
  /** The message of a failure, which replaces the difference. */
  msg?: string;
  /** The snapshot's name instead of the test's. */
  name?: string;
  /** The file of the snapshots, relative to the test's folder; wins over `dir`. */
  path?: string;
  /** Makes the text that is compared. */
  serializer?: (actual: T) => string;
}

/** How a value is written unless there is a serializer. */
function serialize(actual: unknown): string {
  return Deno.inspect(actual, {
    depth: Infinity,
    sorted: true,
    trailingComma: true,
    compact: false,
    iterableLimit: Infinity,
    strAbbreviateSize: Infinity,
    breakLength: Infinity,
    escapeSequences: false,
  }).replaceAll("\r", "\\r");
}

/** The snapshots of one file. */
class SnapshotFile {
  static readonly #files = new Map<string, SnapshotFile>();

  /** What the file holds, by name. */
  #stored: ReadonlyMap<string, string> | undefined;
  /** What this run asserted, by name and in order: how the file looks when it is written again. */
  readonly #asserted = new Map<string, string | undefined>();
  readonly #counts = new Map<string, number>();
  #updated = 0;
  #willWrite = false;

  constructor(readonly path: string) {}

  static of(origin: string, { dir = "__snapshots__", path }: SnapshotOptions<never>): SnapshotFile {
    const test = fileURLToPath(origin);
    const target = resolve(dirname(test), path ?? `${dir}/${basename(test)}.snap`);
    const file = this.#files.get(target) ?? new SnapshotFile(target);
    this.#files.set(target, file);
    return file;
  }

  /** A name with its number: a test may assert several snapshots. */
  numbered(name: string): string {
    const count = (this.#counts.get(name) ?? 0) + 1;
    this.#counts.set(name, count);
    return `${name} ${count}`;
  }

  /** What is stored under a name; undefined if there is no file, or no such name in it. */
  async stored(name: string): Promise<string | undefined> {
    this.#stored ??= await readSnapshots(this.path);
    const stored = this.#stored.get(name);
    this.#asserted.set(name, stored);
    return stored;
  }

  /** Changes a snapshot; the file is written when the test file has run. */
  update(name: string, text: string): void {
    if (this.#asserted.get(name) !== text) this.#updated++;
    this.#asserted.set(name, text);
    if (this.#willWrite) return;
    this.#willWrite = true;
    globalThis.addEventListener("unload", () => this.#write());
  }

  #write(): void {
    const lines = ["export const snapshot = {};"];
    for (const [name, text] of this.#asserted) {
      if (text === undefined) continue;
      const body = text.includes("\n") ? `\n${escape(text)}\n` : escape(text);
      lines.push(`\nsnapshot[\`${escape(name)}\`] = \`${body}\`;`);
    }
    Deno.mkdirSync(dirname(this.path), { recursive: true });
    Deno.writeTextFileSync(this.path, lines.join("\n") + "\n");
    const removed = [...this.#stored!.keys()].filter((name) => !this.#asserted.has(name));
    if (this.#updated > 0) console.log(`\n > ${this.#updated} snapshots updated.`);
    if (removed.length > 0) {
      console.log(`\n > ${removed.length} snapshots removed.`);
      for (const name of removed) console.log(`   • ${name}`);
    }
  }
}

/** What a snapshot file holds, by name; nothing if there is none. */
async function readSnapshots(path: string): Promise<Map<string, string>> {
  try {
    await Deno.stat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return new Map();
    throw error;
  }
  const { snapshot = {} } = await import(pathToFileURL(path).href) as {
    snapshot?: Record<string, unknown>;
  };
  return new Map(
    Object.entries(snapshot).map(([name, text]) => {
      if (typeof text !== "string") {
        throw new AssertionError(`Corrupt snapshot: ${name} in ${path}`);
      }
      return [name, text.includes("\n") ? text.slice(1, -1) : text];
    }),
  );
}

/** A text as it stands in a template literal. */
const escape = (text: string): string => text.replace(/[\\`$]/g, "\\$&");

/** A step's name begins with those of the tests around it. */
function nameOf(context: Deno.TestContext): string {
  return context.parent ? `${nameOf(context.parent)} > ${context.name}` : context.name;
}

const updateByDefault = (): boolean => Deno.args.includes("--update") || Deno.args.includes("-u");

/** Fails unless a value is what the snapshot of this test says; with `--update`, changes it. */
export async function assertSnapshot<T>(
  context: Deno.TestContext,
  actual: T,
  messageOrOptions: string | SnapshotOptions<T> = {},
): Promise<void> {
  const options = typeof messageOrOptions === "string"
    ? { msg: messageOrOptions } as SnapshotOptions<T>
    : messageOrOptions;
  const file = SnapshotFile.of(context.origin, options);
  const name = file.numbered(options.name ?? nameOf(context));
  const stored = await file.stored(name);
  const text = (options.serializer ?? serialize)(actual);
  if (options.mode === "update" || (options.mode === undefined && updateByDefault())) {
    file.update(name, text);
    return;
  }
  if (stored === undefined) throw new AssertionError(options.msg ?? `Missing snapshot: ${name}`);
  if (text === stored) return;
  if (options.msg !== undefined) throw new AssertionError(options.msg);
  assertEquals(text.split("\n"), stored.split("\n"), `Snapshot does not match: ${name}`);
}
