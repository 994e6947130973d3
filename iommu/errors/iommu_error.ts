/**
 * What can go wrong with mappings, regions and notifiers. An access that an IOMMU refuses is not an
 * error but a fault: see `IommuFault`.
 *
 * @module
 */

import { CodedError, type Messages } from "@guestmem/rcu/internal";

/** The codes of {@linkcode IommuError}, each with its details. */
export interface IommuErrorDetails {
  /** Not a valid address, size or register value. */
  INVALID_ADDRESS: {
    /** What was given. */
    readonly value: number | bigint;
    /** What it should have been. */
    readonly what: string;
  };
  /** An address or a size is not a multiple of the page size. */
  UNALIGNED: {
    /** The operation. */
    readonly action: string;
    /** Which value is unaligned. */
    readonly what: string;
    /** The value. */
    readonly value: number | bigint;
  };
  /** A range runs past the end of a table's address space, or its target past 2^64. */
  RANGE_BEYOND: {
    /** The operation. */
    readonly action: string;
    /** Last address of the range. */
    readonly last: bigint;
    /** Width of the address space. */
    readonly bits: number;
  };
  /** A mapping cannot have these permissions. */
  INVALID_PERMISSION: {
    /** What was given. */
    readonly perm: number;
  };
  /** Part of the range is mapped already. Nothing was changed. */
  OVERLAP: {
    /** First address to be mapped. */
    readonly first: bigint;
    /** Last address to be mapped, inclusive. */
    readonly last: bigint;
    /** An address of the range that is mapped. */
    readonly existing: bigint;
  };
  /** No domain has this id, or it was destroyed. */
  UNKNOWN_DOMAIN: {
    /** The operation. */
    readonly action: string;
    /** The id. */
    readonly id: number;
  };
  /** A domain cannot be destroyed while a region is bound to it. */
  DOMAIN_IN_USE: {
    /** The domain. */
    readonly id: number;
    /** Name of a region that is bound to it. */
    readonly region: string;
  };
  /** A translation was requested outside a read-side section, where its result means nothing. */
  OUTSIDE_SECTION: Record<never, never>;
  /** The region has no such IOMMU index. */
  INVALID_INDEX: {
    /** What was given. */
    readonly index: number;
    /** How many indexes the region has. */
    readonly count: number;
  };
  /** A notifier is invalid, already registered or not registered. */
  INVALID_NOTIFIER: {
    /** The operation. */
    readonly action: string;
    /** Why it is refused. */
    readonly reason: string;
  };
  /** A shadow mapping received a mapping over one that it has: the IOMMU's events are wrong. */
  SHADOW_CONFLICT: {
    /** First address. */
    readonly first: bigint;
    /** Last address, inclusive. */
    readonly last: bigint;
  };
  /** Listing the mappings of a guest's tables met more entries than the walker's limit. */
  MAPPING_LIMIT: {
    /** The limit. */
    readonly limit: number;
  };
  /** A handle does not name an object of this arena or IOMMU. */
  FOREIGN_HANDLE: {
    /** The operation. */
    readonly action: string;
    /** What is wrong with the handle. */
    readonly reason: string;
  };
}

const MESSAGES: Messages<IommuErrorDetails> = {
  INVALID_ADDRESS: ({ value, what }) =>
    `Cannot use ${hex(value)} as ${what}: it must be an integer, at most 2^53 - 1 as a number or ` +
    `64 bits as a bigint${what === "a size" ? ", and at least 1" : ""}`,
  UNALIGNED: ({ action, what, value }) =>
    `Cannot ${action}: ${what} must be a multiple of 0x1000 and is ${hex(value)}`,
  RANGE_BEYOND: ({ action, last, bits }) =>
    `Cannot ${action}: the last address must be below 2^${bits} and is ${hex(last)}`,
  INVALID_PERMISSION: ({ perm }) =>
    `Cannot map with permissions ${perm}: they must be 1 (read), 2 (write) or 3 (both)`,
  OVERLAP: ({ first, last, existing }) =>
    `Cannot map [${hex(first)}, ${hex(last)}]: ${hex(existing)} is mapped already, unmap it first`,
  UNKNOWN_DOMAIN: ({ action, id }) =>
    `Cannot ${action}: no domain has the id ${id} (it never existed, or was destroyed)`,
  DOMAIN_IN_USE: ({ id, region }) =>
    `Cannot destroy domain ${id}: region "${region}" is bound to it, bind that elsewhere first`,
  OUTSIDE_SECTION: () =>
    "Cannot translate outside a read-side section: lock the domain's reader, translate, use the " +
    "result, then unlock",
  INVALID_INDEX: ({ index, count }) =>
    `Cannot use IOMMU index ${index}: it must be an integer from 0 to ${count - 1}`,
  INVALID_NOTIFIER: ({ action, reason }) => `Cannot ${action}: ${reason}`,
  SHADOW_CONFLICT: ({ first, last }) =>
    `Cannot shadow the mapping [${hex(first)}, ${hex(last)}]: part of it is mapped already`,
  MAPPING_LIMIT: ({ limit }) =>
    `Cannot list the mappings of a guest's tables: more than ${limit} entries, which happens when ` +
    `tables lead back into themselves`,
  FOREIGN_HANDLE: ({ action, reason }) => `Cannot ${action}: ${reason}`,
};

/**
 * What this package throws: {@linkcode code} says what went wrong, {@linkcode details} with what.
 * A call that throws one has changed nothing, unless its documentation says otherwise.
 */
export class IommuError<Code extends keyof IommuErrorDetails = keyof IommuErrorDetails>
  extends CodedError<IommuErrorDetails, Code> {
  static {
    this.prototype.name = "IommuError";
  }

  /**
   * Words the error.
   *
   * @param code What went wrong.
   * @param details The fields that belong to the code.
   * @param options The cause, if another error is.
   */
  constructor(code: Code, details: IommuErrorDetails[Code], options?: ErrorOptions) {
    super(MESSAGES, code, details, options);
  }
}

/** An address or a number as people read it. */
function hex(value: number | bigint): string {
  const isWhole = typeof value === "bigint" || Number.isInteger(value);
  return isWhole
    ? `${value < 0 ? "-" : ""}0x${(value < 0 ? -value : value).toString(16)}`
    : `${value}`;
}
