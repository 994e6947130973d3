/**
 * Addresses as page numbers. A page number has at most 52 bits, so a number holds it exactly for
 * every 64-bit address. It also holds the address of a page's first byte exactly: a multiple of 4,096
 * has at most 52 significant bits. No code here needs an address in two halves.
 *
 * @module
 */

import { IommuError } from "../errors/iommu_error.ts";

/** Bits of the offset within a page. */
export const PAGE_BITS = 12;
/** Bytes of a page. */
export const PAGE_BYTES = 4096;
/** Entries of a table node; also the ratio of two adjacent page sizes. */
export const FANOUT = 512;
/** Pages of a 64-bit address space. */
export const MAX_PAGES: number = 2 ** 52;
/** The highest level at which an entry may map a page: 0 is 4 KiB, 1 is 2 MiB, 2 is 1 GiB. */
export const MAX_LEAF_LEVEL = 2;
/** Pages that an entry of each level covers. */
export const SPAN: readonly number[] = [0, 1, 2, 3, 4, 5, 6].map((level) => FANOUT ** level);
/** The address bits that pass through a page of each leaf level. */
export const MASK: readonly number[] = [0xfff, 0x1f_ffff, 0x3fff_ffff];

/** The page that holds an address; throws unless that is a valid address. */
export function pageOf(address: number | bigint): number {
  if (typeof address === "number") {
    const page = Math.floor(address / PAGE_BYTES);
    if (address <= Number.MAX_SAFE_INTEGER && page >= 0 && Math.floor(address) === address) {
      return page;
    }
  } else if (address >= 0n && address < 1n << 64n) return Number(address >> 12n);
  throw new IommuError("INVALID_ADDRESS", { value: address, what: "an address" });
}

/** The page that starts at an address; throws unless that is a valid address and page-aligned. */
export function alignedPage(action: string, what: string, address: number | bigint): number {
  const page = pageOf(address);
  if (toAddress(page) !== BigInt(address)) {
    throw new IommuError("UNALIGNED", { action, what, value: address });
  }
  return page;
}

/** Converts a size to pages; throws unless it is a whole number of pages, and at least one. */
export function pagesOf(action: string, size: number | bigint): number {
  const isSize = typeof size === "bigint"
    ? size > 0n && size <= 1n << 64n
    : Number.isSafeInteger(size);
  if (!isSize || size <= 0) {
    throw new IommuError("INVALID_ADDRESS", { value: size, what: "a size" });
  }
  if (typeof size === "number" ? size % PAGE_BYTES !== 0 : size % 4096n !== 0n) {
    throw new IommuError("UNALIGNED", { action, what: "the size", value: size });
  }
  return Number(size) / PAGE_BYTES;
}

/** The first address of a page. */
export function toAddress(page: number): bigint {
  return BigInt(page) << 12n;
}

/** The last address of a page. */
export function lastAddress(page: number): bigint {
  return toAddress(page) | 0xfffn;
}
