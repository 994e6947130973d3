/**
 * Addresses as two 32-bit halves: a 64-bit address has no exact number, and a BigInt allocates.
 *
 * @module
 */

import { PhysMapError } from "../errors/physmap_error.ts";

/** 2^32. */
export const TWO_32 = 0x1_0000_0000;
/** Addresses whose high half is below this are exact as numbers. */
export const EXACT_HIGH = 0x20_0000;
/** The greatest address. */
export const MAX_ADDRESS = 0xffff_ffff_ffff_ffffn;

/** The low half of an address that {@linkcode highHalf} has accepted. */
export function lowHalf(address: number | bigint): number {
  return typeof address === "number" ? address >>> 0 : Number(address & 0xffff_ffffn);
}

/**
 * The high half of an address.
 *
 * @throws {PhysMapError} INVALID_ADDRESS.
 */
export function highHalf(address: number | bigint): number {
  if (typeof address === "bigint") {
    if (address < 0n || address > MAX_ADDRESS) throw invalid(address);
    return Number(address >> 32n);
  }
  const high = (address - (address >>> 0)) / TWO_32;
  // For a negative, fractional or infinite number the quotient is not an unsigned integer.
  if (high >>> 0 !== high || high >= EXACT_HIGH) throw invalid(address);
  return high;
}

/** Two halves, signed or unsigned, as one bigint. */
export function toBigInt(high: number, low: number): bigint {
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}

/**
 * The bits of an address from bit `shift` on, as many as the mask has. JavaScript takes a shift count
 * modulo 32; both arms rely on it.
 *
 * @param shift 0 to 63.
 * @param mask As many ones as a digit has bits, at most 9.
 */
export function digit(high: number, low: number, shift: number, mask: number): number {
  if (shift === 0) return low & mask;
  return (shift < 32 ? (low >>> shift) | (high << (32 - shift)) : high >>> shift) & mask;
}

/** Whether an address is below another; halves may be signed or unsigned. */
export function isBelow(high: number, low: number, otherHigh: number, otherLow: number): boolean {
  return (high ^ otherHigh) === 0 ? low >>> 0 < otherLow >>> 0 : high >>> 0 < otherHigh >>> 0;
}

function invalid(address: number | bigint): PhysMapError {
  return new PhysMapError("INVALID_ADDRESS", { address });
}
