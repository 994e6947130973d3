/**
 * Stores a number as one 64-bit atomic: the counterpart of the kernel's `load64`.
 *
 * @module
 */

import type { Kernel } from "@guestmem/rcu/internal";

/** Stores an integer from 0 to 2^53 - 1 in a 64-bit cell, sequentially consistent. */
export function storeNumber(kernel: Kernel, cell: number, value: number): void {
  kernel.pairStore(cell, value >>> 0, Math.floor(value / 2 ** 32));
}
