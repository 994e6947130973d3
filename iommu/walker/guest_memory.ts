/**
 * Guest RAM, as far as a walk of page tables needs it.
 *
 * @module
 */

import { instantiateKernel } from "@guestmem/rcu/internal";

/**
 * Loads entries of page tables. Addresses are those of guest memory, multiples of 8 below 2^56, which
 * a number holds exactly.
 */
export interface GuestMemory {
  /**
   * Loads eight bytes, little-endian, as one: never half of a store of eight bytes.
   *
   * @param address Where, a multiple of 8.
   * @returns The low half, unsigned; -1 if the bytes are not all in RAM.
   */
  load64(address: number): number;
  /** The high half, unsigned, of what `load64` loaded last. */
  readonly high: number;
}

/** Guest RAM that is one shared memory, at one place of the guest's addresses. */
export class GuestWindow implements GuestMemory {
  /** The high half, unsigned, of what `load64` loaded last. */
  high = 0;
  readonly #kernel: ReturnType<typeof instantiateKernel>;
  readonly #base: number;
  readonly #last: number;

  /**
   * Makes a window of the context's own.
   *
   * @param memory A shared memory, from its first byte on.
   * @param base Where it lies in guest memory, a multiple of 8; 0 unless given.
   */
  constructor(memory: WebAssembly.Memory, base = 0) {
    this.#kernel = instantiateKernel(memory);
    this.#base = base;
    this.#last = memory.buffer.byteLength - 8;
  }

  /** See {@linkcode GuestMemory.load64}. */
  load64(address: number): number {
    const offset = address - this.#base;
    if (!(offset >= 0 && offset <= this.#last)) return -1;
    const low = this.#kernel.pairLoad(offset) >>> 0;
    this.high = this.#kernel.pairSecond() >>> 0;
    return low;
  }
}
