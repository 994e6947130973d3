/**
 * What a device needs of the memory that it masters.
 *
 * @module
 */

import { type GuestSpace, MemTxResult } from "@guestmem/flatview";

/** Guest memory by bus address. */
export interface DmaMemory {
  /** Reads bytes; false if nothing answers. */
  read(address: bigint, into: Uint8Array): boolean;
  /** Writes bytes; false if nothing answers. */
  write(address: bigint, from: Uint8Array): boolean;
}

/** The memory that an address space shows. */
export function dmaMemory(space: () => GuestSpace): DmaMemory {
  return {
    read: (address, into) => space().read(address, into) === MemTxResult.OK,
    write: (address, from) => space().write(address, from) === MemTxResult.OK,
  };
}
