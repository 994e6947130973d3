/**
 * The options of adding a block.
 *
 * @module
 */

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
