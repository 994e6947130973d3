/**
 * Addresses as page numbers. A page number has at most 52 bits, so it is exact as a number for every
 * address of 64 bits, and so is the address of a page's first byte: a multiple of 4,096 has 52
 * significant bits. Nothing here needs an address in two halves.
 *
 * @module
 */

import { IommuAddressError, UnalignedError } from "./errors.ts";

/** Bits of a page's offset. */
export const PAGE_BITS = 12;
/** Bytes of a page. */
export const PAGE_BYTES = 4096;
/** Entries of a node, and so the ratio of two page sizes. */
export const FANOUT = 512;
/** Pages of an address space of 64 bits. */
export const MAX_PAGES: number = 2 ** 52;
/** Pages that an entry of each level covers. */
export const SPAN: readonly number[] = [0, 1, 2, 3, 4, 5, 6].map((level) => FANOUT ** level);
/** The bits of an address that pass through a page of each leaf level. */
export const MASK: readonly number[] = [0xfff, 0x1f_ffff, 0x3fff_ffff];

/** The page that holds an address; throws if it is none. */
export function pageOf(address: number | bigint): number {
  if (typeof address === "number") {
    const page = Math.floor(address / PAGE_BYTES);
    if (address <= Number.MAX_SAFE_INTEGER && page >= 0 && Math.floor(address) === address) {
      return page;
    }
  } else if (address >= 0n && address < 1n << 64n) return Number(address >> 12n);
  throw new IommuAddressError(address);
}

/** The page that an address begins; throws if it is no address, or lies inside a page. */
export function alignedPage(action: string, what: string, address: number | bigint): number {
  const page = pageOf(address);
  if (toAddress(page) !== BigInt(address)) throw new UnalignedError(action, what, address);
  return page;
}

/** How many pages a size is; throws if it is not a whole number of them, and at least one. */
export function pagesOf(action: string, size: number | bigint): number {
  const isSize = typeof size === "bigint"
    ? size > 0n && size <= 1n << 64n
    : Number.isSafeInteger(size);
  if (!isSize || size <= 0) throw new IommuAddressError(size, "a size");
  if (typeof size === "number" ? size % PAGE_BYTES !== 0 : size % 4096n !== 0n) {
    throw new UnalignedError(action, "the size", size);
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
