/**
 * What accesses need of guest RAM. This package states it and knows no implementation; the guest RAM
 * of `@guestmem/ramblock` fulfils it.
 */

import type { ReadGuard } from "@guestmem/rcu";

/** A stretch of memory in which guest RAM lies. The same object each time for the same stretch. */
export interface RamWindow {
  /** The memory. */
  readonly buffer: SharedArrayBuffer;
  /** Its bytes. */
  readonly u8: Uint8Array;
  /** Its aligned 32-bit words. */
  readonly i32: Int32Array;
  /** For unaligned accesses. */
  readonly data: DataView;
  /** Loads eight bytes, little-endian, as one if they are aligned: the lower half, unsigned. */
  load64(at: number): number;
  /** The upper half of the last `load64`, unsigned. */
  readonly upper: number;
  /** Stores eight bytes, little-endian, as one if they are aligned. */
  store64(at: number, low: number, high: number): void;
}

/**
 * Guest RAM as a worker reads and writes it, inside a section of the domain in which views are
 * published. The bytes of a block that lie in one window follow one another there.
 */
export interface GuestMemory {
  /** The block that has a `ram_addr_t`; 0 if none has. Valid until the section ends. */
  find(guard: ReadGuard, address: number): number;
  /** The `ram_addr_t` at which a block starts. */
  offsetOf(block: number): number;
  /** The window behind an offset in a block; sets `at` and `contiguous`. */
  locate(block: number, offset: number): RamWindow;
  /** Byte offset in the window that `locate` returned. */
  readonly at: number;
  /** Bytes of the block that follow one another from there. */
  readonly contiguous: number;
  /** The dirty log. */
  readonly dirty: {
    /** Marks pages after they were written; bit n of `clients` is client n of `MemoryRegion.setLog`. */
    markRange(guard: ReadGuard, address: number, length: number, clients: number): void;
    /**
     * The log epoch, to be loaded inside a section: as long as it is the same, one mark of a page stands
     * for all stores to it. Whoever collects marks changes it. Never repeats.
     */
    readonly epoch: number;
  };
}
