/**
 * What is behind a region: the callbacks of an I/O region, the translation of an IOMMU region, the
 * RAM of a RAM region. Interfaces only: the tree carries them, and whoever performs accesses calls
 * them.
 */
import type { Address } from "./address.ts";

/** The transaction attributes that a callback may look at. */
export interface MemTxAttrs {
  /** The requester's id (a PCI bus, device and function, for example). */
  readonly requesterId?: number;
  /** A secure access, where the architecture has such. */
  readonly secure?: boolean;
  /** An access from user mode. */
  readonly user?: boolean;
}

/**
 * The callbacks of an I/O, ROM-device or RAM-device region, and what they can do. They run in every
 * context that binds them to the region's id, and in the one that the region names as its own on
 * behalf of all others. The limits and the byte order are published with the region: they are those
 * that were given when it was created.
 *
 * An offset is a `number` where it is exact, which is up to 2^53 - 1, else a `bigint`: a device with
 * a smaller region may declare its parameter as `number`.
 *
 * A callback fails its access by what it returns, or throws: an object with a `memTxResult`, as the
 * callbacks of QEMU's `read_with_attrs` and `write_with_attrs` return it. What else it throws is
 * reported to `onDeviceError`, and the result is `MemTxResult.ERROR`. If an access is split, its other
 * parts are performed nevertheless.
 */
export interface MemoryRegionOps {
  /**
   * Reads `size` bytes at `offset` in the region.
   *
   * @returns The value; of eight bytes a `bigint`, or a `number` if it is below 2^53. Or a failure:
   * bits of `MemTxResult`, and the value that is read nevertheless, 0 unless given.
   */
  read?(offset: number | bigint, size: number, attrs: MemTxAttrs):
    | bigint
    | number
    | { readonly memTxResult: number; readonly value?: bigint | number };
  /**
   * Writes `size` bytes at `offset` in the region.
   *
   * @param value The lower 32 bits, unsigned. @param upper The upper 32 bits of eight bytes, else 0.
   * @returns Nothing, or a failure: bits of `MemTxResult`.
   */
  write?(
    offset: number | bigint,
    value: number,
    size: number,
    attrs: MemTxAttrs,
    upper: number,
  ): void | { readonly memTxResult: number };
  /** Byte order of the device; little if not set. */
  readonly endianness?: "little" | "big";
  /** What the guest may do. */
  readonly valid?: NonNullable<MemoryRegionOps["impl"]> & {
    /** A last word on whether this access is valid. */
    accepts?(
      offset: number | bigint,
      size: number,
      isWrite: boolean,
      attrs: MemTxAttrs,
    ): boolean;
  };
  /** What the callbacks can do; other accesses are split or widened. */
  readonly impl?: {
    /** Smallest access in bytes: 1, 2, 4 or 8; 1 if not set. */
    readonly minAccessSize?: number;
    /**
     * Largest access in bytes: 1, 2, 4 or 8. If it is not set, `impl` takes 4, and `valid` accepts every
     * size but splits longer accesses into 4.
     */
    readonly maxAccessSize?: number;
    /** Whether an access may be unaligned to its size. In `impl`: whether it is not split for that. */
    readonly unaligned?: boolean;
  };
}

/** Sizes and alignments that a device accepts (`valid`) or implements (`impl`), as QEMU has them. */
export type AccessLimits = NonNullable<MemoryRegionOps["impl"]>;

/** What an IOMMU region does, to be implemented by an IOMMU. */
export interface IommuOps {
  /** Translates an address for a read (1) or write (2). */
  translate(address: bigint, access: 1 | 2, iommuIndex: number): {
    /** Region that roots the address space in which the translated address lies. */
    readonly target: unknown;
    /** The address that was looked up, the mask's bits cleared. */
    readonly iova: bigint;
    /** What it translates to, the mask's bits cleared. */
    readonly translated: bigint;
    /** Bits that pass through: 0xfff is a page of 4 KiB. */
    readonly addrMask: bigint;
    /** 0 none, 1 read, 2 write, 3 both. */
    readonly perm: 0 | 1 | 2 | 3;
  };
  /** The IOMMU index for these attributes; 0 if not given. */
  attrsToIndex?(attrs: MemTxAttrs): number;
}

/** The RAM behind a region, as far as this package cares: an opaque id, and where it starts. */
export interface RamBacking<A extends Address = Address> {
  /** Id of the RAM block. */
  readonly blockId: number;
  /** Offset of the region's first byte in the space of RAM offsets (`ram_addr_t`). */
  readonly ramAddr: A;
}
