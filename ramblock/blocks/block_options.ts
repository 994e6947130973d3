/**
 * What blocks are added with.
 *
 * @module
 */

import type { BackingFile } from "./backing_file.ts";
import type { RamBlock } from "./records.ts";

/** What every block is added with. */
export interface BlockOptions {
  /** Unique, 1 to 255 bytes of UTF-8. */
  readonly name: string;
  /** Bytes in use, a multiple of the page size. */
  readonly length: number;
  /** Bytes it can be resized to; `length` unless given. */
  readonly maxLength?: number;
  /** Called after each resize, in the context that resizes. */
  readonly onResize?: (block: RamBlock) => void;
}

/** A block in a caller's buffer. */
export interface BufferOptions extends BlockOptions {
  /** The memory; the caller keeps it. Other workers attach it by the block's id. */
  readonly buffer: SharedArrayBuffer;
  /** Where in it the block begins, a multiple of 8; 0 unless given. */
  readonly byteOffset?: number;
}

/** A block in a mapping that something else manages. */
export interface ExternalOptions extends BufferOptions {
  /** Called at reclaim, when no worker uses the mapping any more. */
  readonly invalidate: (block: RamBlock) => void;
}

/** A block whose content is a file's. */
export interface FileOptions extends BlockOptions {
  /** The file; the caller closes it after the block is reclaimed. */
  readonly file: BackingFile;
}
