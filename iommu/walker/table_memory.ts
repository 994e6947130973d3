/**
 * Guest memory, as a walk of page tables reads it.
 *
 * @module
 */

import { instantiateKernel, type Kernel } from "@guestmem/rcu/internal";
import { toUint64 } from "../addresses/uint64.ts";

/**
 * Loads entries of page tables. Addresses are guest physical, multiples of 8 below 2^56, which a
 * number holds exactly.
 */
export interface TableMemory {
  /**
   * Loads eight bytes, little-endian, in one access: never half of an eight-byte store.
   *
   * @param address The address, a multiple of 8.
   * @returns The low half, unsigned; -1 if the bytes are not all in RAM.
   */
  load64(address: number): number;
  /** The high half, unsigned, of the last `load64`. */
  readonly high: number;
}

/** Guest RAM that is one shared memory, at one place in the guest's addresses. */
export class TableWindow implements TableMemory {
  /** The high half, unsigned, of the last `load64`. */
  high = 0;
  readonly #kernel: Kernel;
  readonly #base: number;
  readonly #last: number;

  /**
   * Makes a window for this context.
   *
   * @param memory A shared memory; all of it is guest RAM.
   * @param base Guest physical address of its first byte, a multiple of 8 below 2^53; 0 unless given.
   */
  constructor(memory: WebAssembly.Memory, base: number | bigint = 0) {
    this.#kernel = instantiateKernel(memory);
    this.#base = Number(toUint64(base, "an address"));
    this.#last = memory.buffer.byteLength - 8;
  }

  /** See {@linkcode TableMemory.load64}. */
  load64(address: number): number {
    const offset = address - this.#base;
    if (!(offset >= 0 && offset <= this.#last)) return -1;
    const low = this.#kernel.pairLoad(offset) >>> 0;
    this.high = this.#kernel.pairSecond() >>> 0;
    return low;
  }
}
