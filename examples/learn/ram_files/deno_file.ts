/**
 * A file in Deno, as a RAM block's backing file.
 *
 * @module
 */

import type { BackingFile } from "@guestmem/ramblock";

/** A file behind a RAM block. Close it once the block is reclaimed. */
export class DenoFile implements BackingFile {
  readonly #file: Deno.FsFile;

  /**
   * Opens the file.
   *
   * @param path An existing file.
   * @param mode `"r"` to read only: then the content of a block cannot be written back.
   * @throws {Deno.errors.NotFound} If there is none; for more see `Deno.openSync`.
   */
  constructor(path: string, mode: "r" | "r+") {
    this.#file = Deno.openSync(path, { read: true, write: mode === "r+" });
  }

  /** See {@linkcode BackingFile.read}. */
  read(into: Uint8Array<ArrayBuffer>, position: number): number {
    this.#file.seekSync(position, Deno.SeekMode.Start);
    return this.#file.readSync(into) ?? 0; // null is the end of the file
  }

  /** See {@linkcode BackingFile.write}. */
  write(from: Uint8Array<ArrayBuffer>, position: number): number {
    this.#file.seekSync(position, Deno.SeekMode.Start);
    return this.#file.writeSync(from);
  }

  /** See {@linkcode BackingFile.flush}. */
  flush(): void {
    this.#file.syncSync();
  }

  /** Closes the file. */
  close(): void {
    this.#file.close();
  }
}
