/**
 * Ranges of guest RAM that must lie in one block, and may straddle windows.
 *
 * @module
 */

import type { ReadGuard } from "@guestmem/rcu";
import { RamBlockError } from "../errors/ramblock_error.ts";
import type { RamWindow } from "../windows/ram_window.ts";

/** What finding a range needs of guest RAM: `GuestRam` has it. */
interface BlockFinder {
  find(guard: ReadGuard, address: number): number;
  offsetOf(block: number): number;
  usedLengthOf(block: number): number;
}

/** A range in a block. */
export interface BlockRange {
  /** The block, valid until the outermost section ends. */
  readonly block: number;
  /** Where in the block the range begins. */
  readonly offset: number;
  /** How many bytes it has. */
  readonly length: number;
}

/**
 * Finds the block that has a range.
 *
 * @throws {RamBlockError} OUT_OF_BLOCK if no block has all of it.
 */
export function findRange(
  ram: BlockFinder,
  guard: ReadGuard,
  address: number,
  length: number,
): BlockRange {
  const block = ram.find(guard, address);
  const offset = block === 0 ? 0 : address - ram.offsetOf(block);
  const available = block === 0 ? 0 : Math.max(ram.usedLengthOf(block) - offset, 0);
  if (available === 0 || !(length >= 0 && length <= available)) {
    throw new RamBlockError("OUT_OF_BLOCK", { address, length, available });
  }
  return { block, offset, length };
}

/** A part of a block that lies in one window. */
interface Piece {
  readonly window: RamWindow;
  /** Its offset in the window. */
  readonly at: number;
  /** Bytes from there on that lie in the window. */
  readonly contiguous: number;
}

/**
 * Calls `visit` for each piece of a range that lies in one window. Looks nothing up: the block and its
 * memory stay valid until the section ends, even if it is removed or shrunk in the meantime.
 *
 * @param range The range.
 * @param place Places what is left of the range from an offset in the block on.
 * @param visit Gets the window, the piece's offset in it, the bytes before the piece, and its bytes.
 */
export function forEachPiece(
  { offset, length }: BlockRange,
  place: (offset: number, left: number) => Piece,
  visit: (window: RamWindow, at: number, done: number, count: number) => void,
): void {
  for (let done = 0; done < length;) {
    const { window, at, contiguous } = place(offset + done, length - done);
    const count = Math.min(length - done, contiguous);
    visit(window, at, done, count);
    done += count;
  }
}
