/**
 * Ranges of guest RAM that must lie in one block, and may straddle windows.
 *
 * @module
 */

import type { ReadGuard } from "@guestmem/rcu";
import { RamBlockError } from "../errors/ramblock_error.ts";
import type { RamWindow } from "../windows/ram_window.ts";

/** What locating a range needs of guest RAM: `GuestRam` has it. */
interface BlockLocator {
  find(guard: ReadGuard, address: number): number;
  offsetOf(block: number): number;
  usedLengthOf(block: number): number;
  locate(block: number, offset: number): RamWindow;
  readonly at: number;
  readonly contiguous: number;
}

/**
 * Locates the first byte of a range; `at` and `contiguous` of `ram` then belong to it.
 *
 * @throws {RamBlockError} OUT_OF_BLOCK if no block has all of it; BUFFER_NOT_ATTACHED.
 */
export function locateRange(
  ram: BlockLocator,
  guard: ReadGuard,
  address: number,
  length: number,
): RamWindow {
  const block = ram.find(guard, address);
  const offset = block === 0 ? 0 : address - ram.offsetOf(block);
  const available = block === 0 ? 0 : Math.max(ram.usedLengthOf(block) - offset, 0);
  if (block === 0 || !(length >= 0 && length <= available)) {
    throw new RamBlockError("OUT_OF_BLOCK", { address, length, available });
  }
  return ram.locate(block, offset);
}

/**
 * Calls `visit` for each piece of a range that lies in one window.
 *
 * @param visit Gets the window, the piece's offset in it, the bytes before the piece, and its bytes.
 * @throws {RamBlockError} As `locateRange`; nothing was visited.
 */
export function forEachPiece(
  ram: BlockLocator,
  guard: ReadGuard,
  address: number,
  length: number,
  visit: (window: RamWindow, at: number, done: number, count: number) => void,
): void {
  locateRange(ram, guard, address, length);
  for (let done = 0; done < length;) {
    const window = locateRange(ram, guard, address + done, 1);
    const count = Math.min(length - done, ram.contiguous);
    visit(window, ram.at, done, count);
    done += count;
  }
}
