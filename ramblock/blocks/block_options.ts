/**
 * The options of adding a block.
 *
 * @module
 */

import type { BackingFile } from "./backing_file.ts";
import type { RamBlock } from "./block_record.ts";

/** Options of every kind of block. */
export interface BlockOptions {
  /** Unique, 1 to 255 bytes of UTF-8. */
  readonly name: string;
  /** Bytes in use, a multiple of the page size. */
  readonly length: number;
  /** Bytes that it can be resized to. Default: `length`. */
  readonly maxLength?: number;
  /** Called after each resize, in the context that resizes. */
  readonly onResize?: (block: RamBlock) => void;
}

/** A block in a caller's buffer. */
export interface BufferOptions extends BlockOptions {
  /** The memory; the caller keeps it. Other workers attach it by the block's id. */
  readonly buffer: SharedArrayBuffer;
  /** Where in it the block begins, a multiple of 8. Default: 0. */
  readonly byteOffset?: number;
}

/** A block in a mapping that the caller manages. */
export interface ExternalOptions extends BufferOptions {
  /** Called when the block is reclaimed: no worker uses the mapping any more. */
  readonly invalidate: (block: RamBlock) => void;
}

/** A block that is loaded from a file and written back to it. */
export interface FileOptions extends BlockOptions {
  /** The file; the caller closes it after the block is reclaimed. */
  readonly file: BackingFile;
}
