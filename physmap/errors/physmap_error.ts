/**
 * The error of this package.
 *
 * @module
 */

import { CodedError, type Messages } from "@guestmem/rcu/internal";

/** The fields of each code of a {@linkcode PhysMapError}. */
export interface PhysMapErrorDetails {
  /** Not an integer from 0 to 2^53 - 1 as a number, or to 2^64 - 1 as a bigint. */
  INVALID_ADDRESS: { readonly address: number | bigint };
  /** A range's first address is greater than its last. Both are inclusive. */
  INVERTED_RANGE: { readonly first: bigint; readonly last: bigint };
  /** A range, or its offsets in the region, run past 2^64 - 1. */
  RANGE_OVERFLOW: {
    readonly what: "addresses" | "offsets in the region";
    readonly first: number | bigint;
    readonly last: number | bigint;
  };
  /** QEMU's map has at most as many sections as a page has bytes. */
  TOO_MANY_SECTIONS: { readonly limit: number };
  /** The edit is finished or has failed half way, or another one is open. */
  EDIT_STATE: {
    readonly action: string;
    readonly state: "finished" | "failed" | "editing";
  };
  /** No dispatch lies at this offset of the arena: there never was one, or it was freed. */
  NOT_A_DISPATCH: { readonly offset: number };
  /** An offset in a region is beyond 2^53 - 1, and the address was a number. */
  OFFSET_PRECISION: { readonly offset: bigint };
}

const MESSAGES: Messages<PhysMapErrorDetails> = {
  INVALID_ADDRESS: ({ address }) =>
    `Cannot use ${hex(address)} as an address: it must be an integer from 0 to 2^53 - 1 as a ` +
    `number, or to 2^64 - 1 as a bigint`,
  INVERTED_RANGE: ({ first, last }) =>
    `Cannot register [${hex(first)}, ${hex(last)}]: both bounds are inclusive, and the first ` +
    `address must not be greater than the last`,
  RANGE_OVERFLOW: ({ what, first, last }) =>
    `Cannot register a range whose ${what} are [${hex(first)}, ${hex(last)}]: the last must be ` +
    `at most 0xffffffffffffffff`,
  TOO_MANY_SECTIONS: ({ limit }) =>
    `Cannot add a section: QEMU's map has at most as many as a page has bytes, ${limit}, ` +
    `and all are in use`,
  EDIT_STATE: ({ action, state }) =>
    `Cannot ${action}: ${
      {
        finished: "the edit is finished",
        failed: "the edit failed half way, and can only be discarded",
        editing: "another edit is open; finish or discard it first",
      }[state]
    }`,
  NOT_A_DISPATCH: ({ offset }) =>
    `Cannot read a dispatch at ${hex(offset)}: no dispatch lies there (it never did, or it was ` +
    `freed)`,
  OFFSET_PRECISION: ({ offset }) =>
    `Cannot return ${hex(offset)} as a number: it must be at most 2^53 - 1; pass the address as ` +
    `a bigint to get a bigint`,
};

/**
 * What building or reading a map refuses.
 *
 * @example
 * ```ts
 * import { PhysMapError, QemuDispatch } from "@guestmem/physmap";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * const dispatch = new QemuDispatch(12);
 * const error = assertThrows(() => dispatch.add(0x2000, 0x1000, 1), PhysMapError);
 * assertEquals([error.code, error.details], ["INVERTED_RANGE", { first: 0x2000n, last: 0x1000n }]);
 * ```
 */
export class PhysMapError<
  Code extends keyof PhysMapErrorDetails = keyof PhysMapErrorDetails,
> extends CodedError<PhysMapErrorDetails, Code> {
  static {
    this.prototype.name = "PhysMapError";
  }

  /**
   * Words the error.
   *
   * @param code What went wrong.
   * @param details With what.
   */
  constructor(code: Code, details: PhysMapErrorDetails[Code]) {
    super(MESSAGES, code, details);
  }
}

/** An address or a bound as people read it. */
function hex(address: number | bigint): string {
  return typeof address === "bigint" || Number.isInteger(address)
    ? `${address < 0 ? "-" : ""}0x${(address < 0 ? -address : address).toString(16)}`
    : String(address);
}
