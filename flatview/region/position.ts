/**
 * Guest physical positions as two halves. Rendering needs signed positions wider than 64 bits (the
 * base of an alias's target can be negative, and 2^64 itself is an end), which neither a `number`
 * (53 bits) nor unsigned halves hold, and `bigint` costs an allocation for each step. A position is
 * `hi * 2^32 + lo` with `lo` in [0, 2^32) and `hi` any integer that a double holds exactly.
 */

/** 2^32, the weight of the upper half. */
export const TWO32 = 0x1_0000_0000;

const TWO64 = 1n << 64n;

/** An address, offset or size: a `number` where it is exact (up to 2^53 - 1), else a `bigint`. */
export type Address = number | bigint;

/** A value outside the 64-bit address space, or a `number` too large to be exact. */
export class AddressError extends RangeError {
  /** The name of the class. */
  override name = "AddressError";
  /** What the value was meant to be. */
  readonly what: string;
  /** The value that was given. */
  readonly value: Address;

  /** Builds the message from the requirement and the value. */
  constructor(what: string, value: Address, requirement: string) {
    super(`Cannot use ${value} as ${what}: it must be ${requirement}`);
    this.what = what;
    this.value = value;
  }
}

/** The value as a bigint, checked to lie in [0, limit]. */
function exact(value: Address, what: string, limit: bigint): bigint {
  if (typeof value === "number" && !Number.isSafeInteger(value)) {
    throw new AddressError(what, value, "an integer below 2^53, or a bigint");
  }
  const wide = BigInt(value);
  if (wide < 0n || wide > limit) {
    throw new AddressError(what, value, `between 0 and 0x${limit.toString(16)}`);
  }
  return wide;
}

/** Checks an address or offset: an integer in [0, 2^64 - 1]. */
export function toAddress(value: Address, what: string): bigint {
  return exact(value, what, TWO64 - 1n);
}

/** Checks a size: an integer in [0, 2^64]. QEMU's 2^64 - 1 stands for 2^64, so a region of that size covers all. */
export function toSize(value: Address, what: string): bigint {
  const size = exact(value, what, TWO64);
  return size === TWO64 - 1n ? TWO64 : size;
}

/** The upper half of a position. */
export function upper(value: bigint): number {
  return Number(value >> 32n);
}

/** The lower half of a position, in [0, 2^32). */
export function lower(value: bigint): number {
  return Number(value & 0xffff_ffffn);
}

/** A position from its halves. */
export function join(hi: number, lo: number): bigint {
  return (BigInt(hi) << 32n) + BigInt(lo);
}

/** A position in QEMU's 16 hex digits. The halves must be those of an unsigned 64-bit value. */
export function hex16(hi: number, lo: number): string {
  return hi.toString(16).padStart(8, "0") + lo.toString(16).padStart(8, "0");
}
