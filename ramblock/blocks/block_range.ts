/**
 * Ranges of guest RAM that must lie in one block, and may cross windows.
 *
 * @module
 */

import type { ReadGuard } from "@guestmem/rcu";
import { RamBlockError } from "../errors/ramblock_error.ts";

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
