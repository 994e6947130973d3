/**
 * The result of a translation: QEMU's `IOMMUTLBEntry`, as an object that is filled in again and
 * again.
 *
 * @module
 */

import type { IommuFault } from "../faults/iommu_fault.ts";

/**
 * The result of a translation: an object that the caller makes and passes to each translation. It is
 * valid until the read-side section ends. All addresses are those of a page's first byte, which a
 * number holds exactly even beyond 2^53.
 */
export class IotlbEntry {
  /** Number of the address space that the translated address is in. */
  target = 0;
  /** The address that was looked up, with the mask's bits cleared. */
  iova: number = 0.5; // Not an integer, so that the field holds doubles from the start.
  /** What it translates to, with the mask's bits cleared. */
  translated: number = 0.5;
  /** Bits that pass through: 0xfff is a page of 4 KiB, 0x3fff_ffff one of 1 GiB. */
  addrMask = 0;
  /** What the mapping allows: 0 nothing, 1 read, 2 write, 3 both. */
  perm = 0;
  /** Why the access is refused; null if it is allowed. */
  fault: IommuFault["kind"] | null = null;

  /**
   * The translated address of a byte.
   *
   * @param address The address that was looked up, or another in the same page.
   * @returns The address in the target space; a number is exact below 2^53.
   */
  addressOf(address: number): number;
  /**
   * The translated address of a byte.
   *
   * @param address The address that was looked up, or another in the same page.
   * @returns The address in the target space.
   */
  addressOf(address: bigint): bigint;
  addressOf(address: number | bigint): number | bigint {
    return typeof address === "number"
      ? this.translated + (address - this.iova)
      : BigInt(this.translated) + (address - BigInt(this.iova));
  }

  /**
   * How many bytes from an address on this entry covers.
   *
   * @param address An address in the page.
   * @returns Bytes to the page's end, at least 1.
   */
  bytesFrom(address: number | bigint): number {
    const inPage = typeof address === "number"
      ? address - this.iova
      : Number(address - BigInt(this.iova));
    return this.addrMask + 1 - inPage;
  }
}

/**
 * The fields that a translation fills in. The caller's object need not be an {@linkcode IotlbEntry}:
 * flatview passes its own.
 */
export type IotlbFields = Omit<IotlbEntry, "addressOf" | "bytesFrom">;
