/**
 * A vCPU's path to memory, through a TLB or through memslots.
 *
 * @module
 */

import type { MemTxResult } from "@guestmem/flatview";
import type { VcpuMemory } from "@guestmem/flatview/vcpu";
import type { ReadGuard } from "@guestmem/rcu";

/**
 * Accesses lie between `lock()` and `unlock()`. One that exits to a device leaves the section and
 * enters another; no other access does. A `Tlb` is one.
 */
export interface MemoryUnit extends VcpuMemory {
  /** Result of the last access that did not hit memory. */
  result: MemTxResult;
  /** The upper half of the last `load64`. */
  readonly upper: number;
  /** The open guard of the domain that protects the views. */
  readonly guard: ReadGuard;
  /** Loads a byte, unsigned, as all loads are. */
  load8(address: number): number;
  /** Loads two bytes. */
  load16(address: number): number;
  /** Loads four bytes. */
  load32(address: number): number;
  /** Loads eight bytes: the lower half, unsigned. */
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
