/**
 * 64-bit values that come in as a number or a bigint.
 *
 * @module
 */

import { IommuError } from "../errors/iommu_error.ts";

/** Converts to a bigint; throws unless it is an integer from 0 to 2^53 - 1, or 2^64 - 1 as a bigint. */
export function toUint64(value: number | bigint, what: string): bigint {
  const isValid = typeof value === "bigint" ? value < 1n << 64n : Number.isSafeInteger(value);
  if (!isValid || value < 0) throw new IommuError("INVALID_ADDRESS", { value, what });
  return BigInt(value);
}
