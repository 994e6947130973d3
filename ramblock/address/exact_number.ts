/**
 * Addresses and page numbers that callers pass as numbers or bigints alike.
 *
 * @module
 */

import { RamBlockError } from "../errors/ramblock_error.ts";

/**
 * A value as a number. A number is returned as it is: its range is for the caller to check.
 *
 * @throws {RamBlockError} INVALID_ADDRESS if it is a bigint that is not from 0 to 2^53 - 1.
 */
export function exactNumber(value: number | bigint): number {
  if (typeof value === "number") return value;
  if (value < 0n || value > Number.MAX_SAFE_INTEGER) {
    throw new RamBlockError("INVALID_ADDRESS", { address: value });
  }
  return Number(value);
}

/**
 * As {@linkcode exactNumber}, for an address that is to be looked up.
 *
 * @throws {RamBlockError} INVALID_ADDRESS if it is not from 0 to 2^53 - 1.
 */
export function lookupAddress(value: number | bigint): number {
  const address = exactNumber(value);
  if (address >= 0 && address <= Number.MAX_SAFE_INTEGER) return address;
  throw new RamBlockError("INVALID_ADDRESS", { address: value });
}
