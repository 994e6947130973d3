/**
 * What accesses need of guest RAM. This package states it and knows no implementation; the guest RAM
 * of `@guestmem/ramblock` serves as it is.
 */

import type { ReadGuard } from "@guestmem/rcu";

/** A stretch of memory that guest RAM lies in. The same object each time for the same stretch. */
export interface RamWindow {
  /** The memory. */
  readonly buffer: SharedArrayBuffer;
  /** Its bytes. */
  readonly u8: Uint8Array;
  /** Its aligned 32-bit words. */
  readonly i32: Int32Array;
  /** Unaligned accesses. */
  readonly data: DataView;
  /** Loads eight bytes, little-endian, as one if they are aligned: the lower half. */
  load64(at: number): number;
  /** The upper half of the last `load64`. */
  readonly upper: number;
  /** Stores eight bytes, little-endian, as one if they are aligned. */
  store64(at: number, low: number, high: number): void;
}

/** Guest RAM as a worker reads and writes it, inside a section of the domain that views lie in. */
export interface GuestMemory {
  /** The block that has a ram_addr_t; 0 if none has. Good until the section ends. */
  find(section: ReadGuard, address: number): number;
  /** The ram_addr_t at which a block starts. */
  offsetOf(block: number): number;
  /** The memory behind an offset in a block; sets `at` and `contiguous`. */
  locate(block: number, offset: number): RamWindow;
  /** Byte offset in the window that `locate` gave. */
  readonly at: number;
  /** Bytes of the block that follow one another from there. */
  readonly contiguous: number;
  /** The dirty log. */
  readonly dirty: {
    /** Marks pages after they were written; bit n of `clients` is client n of `MemoryRegion.setLog`. */
    markRange(section: ReadGuard, address: number, length: number, clients: number): void;
  };
}

/** What an IOMMU answers: an object that the caller passes and that is filled in. */
export interface IotlbEntry {
  /** Number of the address space in which the access goes on; see `MemoryAccess.setTarget`. */
  target: number;
  /** The address that was looked up, the mask's bits cleared. */
  iova: number;
  /** What it translates to, the mask's bits cleared. */
  translated: number;
  /** Bits that pass through: 0xfff is a page of 4 KiB. */
  addrMask: number;
  /** 0 none, 1 read, 2 write, 3 both. */
  perm: number;
}

/** Translates what reaches an IOMMU region, in one worker, inside a section. */
export interface RegionTranslator {
  /**
   * Translates an address.
   *
   * @param address The offset in the region. @param access 1 to read, 2 to write.
   * @param iommuIndex The index that the access's attributes give. @param answer Takes the answer.
   * @returns Whether the access is allowed.
   */
  translate(
    address: number | bigint,
    access: 1 | 2,
    iommuIndex: number,
    answer: IotlbEntry & { fault: null },
  ): boolean;
}
