/**
 * What ranges and pages must be.
 *
 * @module
 */

import { PhysMapError } from "../errors/physmap_error.ts";
import { toBigInt, TWO_32 } from "./halves.ts";

/** Least supported log2 of the page size: 256 bytes. */
export const MIN_PAGE_BITS = 8;
/** Greatest supported log2 of the page size: 64 KiB. */
export const MAX_PAGE_BITS = 16;

/** The flags of a range that belong to its caller. */
export const CALLER_FLAGS = 0x3fff_ffff;

/** Throws unless the first address is at most the last. */
export function requireOrder(
  firstHi: number,
  firstLo: number,
  lastHi: number,
  lastLo: number,
): void {
  const isHigher = firstHi >>> 0 < lastHi >>> 0;
  if (isHigher || (firstHi === lastHi && firstLo >>> 0 <= lastLo >>> 0)) return;
  const first = toBigInt(firstHi, firstLo), last = toBigInt(lastHi, lastLo);
  throw new PhysMapError("INVERTED_RANGE", { first, last });
}

/** Throws unless the offset of the last address is at most 2^64 - 1. */
export function requireOffsets(
  firstHi: number,
  firstLo: number,
  lastHi: number,
  lastLo: number,
  offsetHi: number,
  offsetLo: number,
): void {
  const borrow = lastLo >>> 0 < firstLo >>> 0 ? 1 : 0;
  const carry = (offsetLo >>> 0) + ((lastLo - firstLo) >>> 0) >= TWO_32 ? 1 : 0;
  const high = (lastHi >>> 0) - (firstHi >>> 0) - borrow;
  if ((offsetHi >>> 0) + high + carry < TWO_32) return;
  const first = toBigInt(offsetHi, offsetLo);
  const last = first + toBigInt(lastHi, lastLo) - toBigInt(firstHi, firstLo);
  throw new PhysMapError("RANGE_OVERFLOW", { what: "offsets in the region", first, last });
}

/** Throws unless an argument is an integer in range. */
export function requireUint(name: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new RangeError(
    `Cannot register a range with ${name} ${value}: it must be an integer from ${least} to ${most}`,
  );
}
