/**
 * What a translation gives: QEMU's `IOMMUTLBEntry`, to be filled again and again.
 *
 * @module
 */

import type { FaultKind } from "./fault.ts";

/** What an access wants: 0 nothing (a query), 1 to read, 2 to write, 3 both. */
export type Access = 0 | 1 | 2 | 3;

/**
 * The answer of an IOMMU: an object that the caller makes and passes to each translation. It is good
 * until the read-side section ends. All addresses are those of a page's first byte, which a number
 * holds exactly even beyond 2^53.
 */
export interface IommuAnswer {
  /** Handle of the address space in which the translated address lies. */
  target: number;
  /** The address that was looked up, the mask's bits cleared. */
  iova: number;
  /** What it translates to, the mask's bits cleared. */
  translated: number;
  /** Bits that pass through: 0xfff is a page of 4 KiB, 0x3fff_ffff one of 1 GiB. */
  addrMask: number;
  /** What the mapping allows: 0 none, 1 read, 2 write, 3 both. */
  perm: number;
  /** Why the access is refused; null if it is not. */
  fault: FaultKind | null;
}

/** An answer to be filled in, with what a caller makes of it. */
export class IommuEntry implements IommuAnswer {
  /** Handle of the address space in which the translated address lies. */
  target = 0;
  /** The address that was looked up, the mask's bits cleared. */
  iova: number = 0.5; // Not an integer, so that the field holds doubles from the start.
  /** What it translates to, the mask's bits cleared. */
  translated: number = 0.5;
  /** Bits that pass through. */
  addrMask = 0;
  /** What the mapping allows: 0 none, 1 read, 2 write, 3 both. */
  perm = 0;
  /** Why the access is refused; null if it is not. */
  fault: FaultKind | null = null;

  /**
   * The translated address of a byte.
   *
   * @param address The address that was looked up, or another in the same page.
   * @returns The address in the target space; exact if it is below 2^53.
   */
  addressOf(address: number): number {
    return this.translated + (address - this.iova);
  }

  /**
   * How many bytes from an address on this entry speaks for.
   *
   * @param address An address in the page.
   * @returns Bytes to the page's end, at least 1.
   */
  bytesFrom(address: number): number {
    return this.addrMask + 1 - (address - this.iova);
  }
}
