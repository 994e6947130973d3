/**
 * Blocks whose content comes from a file and goes back to it.
 *
 * @module
 */

import { BackingFileError, ShortFileError } from "../errors.ts";
import type { Windows } from "../windows/windows.ts";

/**
 * A file as its owner lends it: three functions, so that the package needs no platform. They are
 * called in the context that added the block, and get ordinary memory, never shared.
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
   * @returns How many bytes were written; 0 if it takes no more.
   */
  write(from: Uint8Array, position: number): number;
  /** Makes what was written durable. */
  flush(): void;
}

/** Where a file's bytes lie in the windows. */
export interface FileRange {
  /** Name of the block, for errors. */
  readonly name: string;
  /** Position of the first byte in the windows. */
  readonly offset: number;
  /** How many bytes. */
  readonly length: number;
}

/** Files get a copy: most platforms refuse to read into shared memory or to write from it. */
const CHUNK_BYTES = 1 << 18;

/**
 * Loads a file into the windows.
 *
 * @throws {BackingFileError} If the file cannot be read.
 * @throws {ShortFileError} If it ends before the range does.
 */
export function loadFile(windows: Windows, file: BackingFile, range: FileRange): void {
  const chunk = new Uint8Array(Math.min(CHUNK_BYTES, range.length));
  for (let done = 0; done < range.length;) {
    const most = pieceAt(windows, range, done);
    const count = attempt(range, "read", done, () => file.read(chunk.subarray(0, most), done));
    if (!(count > 0 && count <= most)) {
      throw new ShortFileError(range.name, "read", done, range.length);
    }
    const position = range.offset + done;
    const target = windows.memoryAt(position).u8;
    target.set(chunk.subarray(0, count), windows.offsetAt(position));
    done += count;
  }
}

/**
 * Writes the range back and flushes the file. May be tried again after it failed.
 *
 * @throws {BackingFileError} If the file cannot be written or flushed.
 * @throws {ShortFileError} If it takes no more.
 */
export function writeBack(windows: Windows, file: BackingFile, range: FileRange): void {
  const chunk = new Uint8Array(Math.min(CHUNK_BYTES, range.length));
  for (let done = 0; done < range.length;) {
    const most = pieceAt(windows, range, done);
    const position = range.offset + done;
    const from = windows.offsetAt(position);
    chunk.set(windows.memoryAt(position).u8.subarray(from, from + most));
    const count = attempt(range, "write", done, () => file.write(chunk.subarray(0, most), done));
    if (!(count > 0 && count <= most)) {
      throw new ShortFileError(range.name, "write", done, range.length);
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
    throw new BackingFileError(range.name, action, position, { cause });
  }
}
