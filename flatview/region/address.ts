/** Addresses, offsets and sizes as callers give them: checked where they come in. */

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
