/**
 * Addresses and page numbers that callers pass as numbers or bigints alike. A hot path hands a bigint
 * to {@linkcode exactNumber} and calls itself again, so that its own code sees numbers only.
 *
 * @module
 */

import { RamBlockError } from "../errors/ramblock_error.ts";

/** Whether a number is in the range of addresses, 0 to 2^53 - 1. A fraction is not noticed. */
export function isAddress(value: number): boolean {
  return value >= 0 && value <= Number.MAX_SAFE_INTEGER;
}

/** The error for a value that is not an address. */
export function invalidAddress(address: number | bigint): RamBlockError {
  return new RamBlockError("INVALID_ADDRESS", { address });
}

/**
 * A value as a number. A number is returned as it is: its range is for the caller to check.
 *
 * @throws {RamBlockError} INVALID_ADDRESS if it is a bigint that is not from 0 to 2^53 - 1.
 */
export function exactNumber(value: number | bigint): number {
  if (typeof value === "number") return value;
  if (value < 0n || value > Number.MAX_SAFE_INTEGER) throw invalidAddress(value);
  return Number(value);
}

/**
 * As {@linkcode exactNumber}, for an address that is to be looked up.
 *
 * @throws {RamBlockError} INVALID_ADDRESS if it is not from 0 to 2^53 - 1.
 */
export function lookupAddress(value: number | bigint): number {
  const address = exactNumber(value);
  if (!isAddress(address)) throw invalidAddress(value);
  return address;
}
