/**
 * Blocks that are loaded from a file and written back to it.
 *
 * @module
 */

import { RamBlockError } from "../errors/ramblock_error.ts";
import type { Windows } from "../windows/windows.ts";

/**
 * A file as its owner provides it: three functions, so that the package needs no platform. They are
 * called in the context that added the block, with ordinary memory, never shared.
 */
export interface BackingFile {
  /**
   * Reads from the file.
   *
   * @param into Where to; up to its whole length.
   * @param position Where in the file to begin.
   * @returns How many bytes were read; 0 at the end of the file.
   */
  read(into: Uint8Array, position: number): number;
  /**
   * Writes to the file.
   *
   * @param from What to write; up to its whole length.
   * @param position Where in the file to begin.
   * @returns How many bytes were written; 0 if it accepts no more.
   */
  write(from: Uint8Array, position: number): number;
  /** Makes all writes durable. */
  flush(): void;
}

/** The bytes of a file in the windows. */
export interface FileRange {
  /** Name of the block, for errors. */
  readonly name: string;
  /** Position of the first byte in the windows. */
  readonly offset: number;
  /** How many bytes. */
  readonly length: number;
}

/** Bytes copied at a time: most platforms cannot read into shared memory or write from it. */
const CHUNK_BYTES = 1 << 18;

/**
 * Loads a file into the windows.
 *
 * @throws {RamBlockError} FILE_FAILED if the file cannot be read; FILE_TOO_SHORT if it ends before the
 * range does.
 */
export function loadFile(windows: Windows, file: BackingFile, range: FileRange): void {
  const chunk = new Uint8Array(Math.min(CHUNK_BYTES, range.length));
  for (let done = 0; done < range.length;) {
    const most = pieceAt(windows, range, done);
    const count = attempt(range, "read", done, () => file.read(chunk.subarray(0, most), done));
    if (!(count > 0 && count <= most)) {
      throw tooShort(range, "read", done);
    }
    const position = range.offset + done;
    const window = windows.windowAt(position);
    window.u8.set(chunk.subarray(0, count), windows.offsetAt(position));
    done += count;
  }
}

/**
 * Writes the range back and flushes the file. Can be retried if it failed.
 *
 * @throws {RamBlockError} FILE_FAILED if the file cannot be written or flushed; FILE_TOO_SHORT if it
 * accepts no more.
 */
export function writeBack(windows: Windows, file: BackingFile, range: FileRange): void {
  const chunk = new Uint8Array(Math.min(CHUNK_BYTES, range.length));
  for (let done = 0; done < range.length;) {
    const most = pieceAt(windows, range, done);
    const position = range.offset + done;
    const from = windows.offsetAt(position);
    chunk.set(windows.windowAt(position).u8.subarray(from, from + most));
    const count = attempt(range, "write", done, () => file.write(chunk.subarray(0, most), done));
    if (!(count > 0 && count <= most)) {
      throw tooShort(range, "write", done);
    }
    done += count;
  }
  attempt(range, "flush", range.length, () => file.flush());
}

/** Bytes of the next piece, which lies in one window. */
function pieceAt(windows: Windows, { offset, length }: FileRange, done: number): number {
  return Math.min(CHUNK_BYTES, length - done, windows.leftAt(offset + done));
}

function attempt<T>(
  range: FileRange,
  action: "read" | "write" | "flush",
  position: number,
  operation: () => T,
): T {
  try {
    return operation();
  } catch (cause) {
    throw new RamBlockError("FILE_FAILED", { block: range.name, action, position }, { cause });
  }
}

function tooShort(
  { name, length }: FileRange,
  action: "read" | "write",
  position: number,
): RamBlockError {
  return new RamBlockError("FILE_TOO_SHORT", { block: name, action, position, length });
}
