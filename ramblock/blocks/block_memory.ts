/**
 * The memory of blocks: where an offset lies, and copies that may cross windows.
 *
 * @module
 */

import { RamBlockError } from "../errors/ramblock_error.ts";
import { BLOCK } from "../kernel/layouts.ts";
import type { RamWindow } from "../windows/ram_window.ts";
import { isInBuffer } from "./block_record.ts";
import type { RamCore } from "./ram_core.ts";
import type { BlockRange } from "./block_range.ts";

/** Finds the memory behind offsets in blocks, for one context. */
export class BlockMemory {
  /** Byte offset in the memory that was returned last. */
  at = 0;
  /** Bytes of the block that lie in it from there on. */
  contiguous = 0;
  readonly #core: RamCore;
  readonly #u32: Uint32Array;

  /** @param core The guest RAM. */
  constructor(core: RamCore) {
    this.#core = core;
    this.#u32 = core.arena.u32;
  }

  /** Implements `GuestRam.locate`. */
  locate(block: number, offset: number): RamWindow {
    const used = this.#core.kernel.usedLength(block);
    const left = used - offset;
    if (!(offset >= 0 && left > 0)) {
      const address = BLOCK.offset.get(this.#u32, block) + offset;
      const available = Math.max(left, 0);
      throw new RamBlockError("OUT_OF_BLOCK", { address, length: 1, available });
    }
    return this.#place(block, offset, left);
  }

  /** Fills `into` with the bytes of a range. */
  read(range: BlockRange, into: Uint8Array): void {
    this.#forEachPiece(range, (window, at, done, count) => {
      into.set(window.u8.subarray(at, at + count), done);
    });
  }

  /** Stores `from` to a range. */
  write(range: BlockRange, from: Uint8Array): void {
    this.#forEachPiece(range, (window, at, done, count) => {
      window.u8.set(from.subarray(done, done + count), at);
    });
  }

  /** As `locate`, for an offset with `left` bytes behind it that are known to be the block's. */
  #place(block: number, offset: number, left: number): RamWindow {
    if (isInBuffer(this.#u32, block)) {
      const id = BLOCK.id.get(this.#u32, block);
      const attached = this.#core.buffers.get(id);
      if (!attached) throw new RamBlockError("BUFFER_NOT_ATTACHED", { id });
      this.at = attached.byteOffset + offset;
      this.contiguous = left;
      return attached.window;
    }
    const { windows } = this.#core;
    const position = BLOCK.offset.get(this.#u32, block) + offset;
    this.at = windows.offsetAt(position);
    this.contiguous = Math.min(left, windows.leftAt(position));
    return windows.windowAt(position);
  }

  /**
   * Calls `visit` for each piece of a range that lies in one window. Looks nothing up: the block and its
   * memory stay valid until the section ends, even if it is removed or shrunk in the meantime.
   *
   * @param range The range.
   * @param visit Gets the window, the piece's offset in it, the bytes before the piece, and its bytes.
   */
  #forEachPiece(
    { block, offset, length }: BlockRange,
    visit: (window: RamWindow, at: number, done: number, count: number) => void,
  ): void {
    for (let done = 0; done < length;) {
      const window = this.#place(block, offset + done, length - done);
      const count = Math.min(length - done, this.contiguous);
      visit(window, this.at, done, count);
      done += count;
    }
  }
}
