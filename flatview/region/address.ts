/** Addresses, offsets and sizes as callers give them, checked where they come in. */
import { FlatViewError } from "../errors/flat_view_error.ts";

const TWO64 = 1n << 64n;

/** An address, offset or size: a `number` where it is exact (up to 2^53 - 1), else a `bigint`. */
export type Address = number | bigint;

/**
 * Checks an address or offset: an integer in [0, 2^64 - 1].
 *
 * @param value The value.
 * @param what What it is, for the error.
 * @throws {FlatViewError} `INVALID_ADDRESS`.
 */
export function toAddress(value: Address, what: string): bigint {
  return exact(value, what, TWO64 - 1n);
}

/**
 * Checks a size: an integer in [0, 2^64]. QEMU's 2^64 - 1 stands for 2^64, so that a region of that
 * size covers the whole address space.
 *
 * @param value The value.
 * @param what What it is, for the error.
 * @throws {FlatViewError} `INVALID_ADDRESS`.
 */
export function toSize(value: Address, what: string): bigint {
  const size = exact(value, what, TWO64);
  return size === TWO64 - 1n ? TWO64 : size;
}

function exact(value: Address, what: string, limit: bigint): bigint {
  if (typeof value !== "bigint" && !Number.isSafeInteger(value)) {
    const requirement = "an integer below 2^53, or a bigint";
    throw new FlatViewError("INVALID_ADDRESS", { what, value, requirement });
  }
  const wide = BigInt(value);
  if (wide < 0n || wide > limit) {
    const requirement = `between 0 and 0x${limit.toString(16)}`;
    throw new FlatViewError("INVALID_ADDRESS", { what, value, requirement });
  }
  return wide;
}
