/**
 * What a vCPU accesses memory through, whichever way it runs.
 *
 * @module
 */

import type { MemTxResult } from "@guestmem/flatview";
import type { ReadGuard } from "@guestmem/rcu";

/**
 * Accesses lie between `lock()` and `unlock()`, and end nothing but what an exit to a device ends: the
 * section is another then. A `Tlb` of `@guestmem/flatview` is one.
 */
export interface MemoryUnit {
  /** What became of the last access that needed more than memory. */
  result: MemTxResult;
  /** The upper half of the last `load64`. */
  readonly upper: number;
  /** The section of the domain that views lie in. */
  readonly section: ReadGuard;
  /** Enters a section. */
  lock(): void;
  /** Leaves it. */
  unlock(): void;
  /** Between two instructions: lets updaters pass, and looks for a new map. */
  quiescent(): void;
  /** Loads a byte. */
  load8(address: number): number;
  /** Loads two bytes. */
  load16(address: number): number;
  /** Loads four bytes. */
  load32(address: number): number;
  /** Loads eight bytes: the lower half. */
  load64(address: number): number;
  /** Stores a byte. */
  store8(address: number, value: number): void;
  /** Stores two bytes. */
  store16(address: number, value: number): void;
  /** Stores four bytes. */
  store32(address: number, value: number): void;
  /** Stores eight bytes, given as halves. */
  store64(address: number, value: number, upper: number): void;
}
