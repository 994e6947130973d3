/**
 * A file in Node, as a RAM block's backing file.
 *
 * @module
 */

import type { BackingFile } from "@guestmem/ramblock";
import { closeSync, fsyncSync, openSync, readSync, writeSync } from "node:fs";

/** A file behind a RAM block. Close it once the block is reclaimed. */
export class NodeFile implements BackingFile {
  readonly #file: number;

  /**
   * Opens the file.
   *
   * @param path The file, which exists.
   * @param mode `"r"` to read only: then the content of a block cannot be written back.
   * @throws An error whose `code` is `"ENOENT"` if there is none; for more see `fs.openSync`.
   */
  constructor(path: string, mode: "r" | "r+") {
    this.#file = openSync(path, mode);
  }

  /** See {@linkcode BackingFile.read}. */
  read(into: Uint8Array, position: number): number {
    return readSync(this.#file, into, 0, into.length, position);
  }

  /** See {@linkcode BackingFile.write}. */
  write(from: Uint8Array, position: number): number {
    return writeSync(this.#file, from, 0, from.length, position);
  }

  /** See {@linkcode BackingFile.flush}. */
  flush(): void {
    fsyncSync(this.#file);
  }

  /** Closes the file. */
  close(): void {
    closeSync(this.#file);
  }
}
