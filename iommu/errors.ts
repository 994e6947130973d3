/**
 * What can go wrong with mappings, regions and notifiers. What a device's access runs into is no
 * error but a fault: see `IommuFault`.
 *
 * @module
 */

/** An address or a number as people read it. */
function hex(value: number | bigint): string {
  const isWhole = typeof value === "bigint" || Number.isInteger(value);
  return isWhole
    ? `${value < 0 ? "-" : ""}0x${(value < 0 ? -value : value).toString(16)}`
    : `${value}`;
}

/** A value that was to be an address or a size is none. */
export class IommuAddressError extends RangeError {
  /** "IommuAddressError". */
  override name = "IommuAddressError";

  /**
   * Made by what refuses.
   *
   * @param value What was given.
   * @param what What it was to be.
   */
  constructor(readonly value: number | bigint, what = "an address") {
    super(
      `Cannot use ${
        hex(value)
      } as ${what}: it must be an integer, at most 2^53 - 1 as a number or ` +
        `64 bits as a bigint, and a size at least 1`,
    );
  }
}

/** An address or a size is not a multiple of the page size. */
export class UnalignedError extends RangeError {
  /** "UnalignedError". */
  override name = "UnalignedError";

  /**
   * Made by what refuses.
   *
   * @param action What was to be done.
   * @param what What is unaligned.
   * @param value Its value.
   */
  constructor(readonly action: string, readonly what: string, readonly value: number | bigint) {
    super(`Cannot ${action}: ${what} must be a multiple of 0x1000 and is ${hex(value)}`);
  }
}

/** A range runs past the address space of a table, or its target past 2^64. */
export class RangeBeyondError extends RangeError {
  /** "RangeBeyondError". */
  override name = "RangeBeyondError";

  /**
   * Made by what refuses.
   *
   * @param action What was to be done.
   * @param last Last address of the range.
   * @param bits The limit.
   */
  constructor(readonly action: string, readonly last: bigint, readonly bits: number) {
    super(`Cannot ${action}: the last address must be below 2^${bits} and is ${hex(last)}`);
  }
}

/** Permissions that a mapping cannot have. */
export class InvalidPermissionError extends RangeError {
  /** "InvalidPermissionError". */
  override name = "InvalidPermissionError";

  /**
   * Made by what refuses.
   *
   * @param perm What was given.
   */
  constructor(readonly perm: number) {
    super(`Cannot map with permissions ${perm}: they must be 1 (read), 2 (write) or 3 (both)`);
  }
}

/** A mapping would overlap one that is there. Nothing was changed. */
export class OverlapError extends Error {
  /** "OverlapError". */
  override name = "OverlapError";

  /**
   * Made by what refuses.
   *
   * @param first First address to be mapped.
   * @param last Last address to be mapped, inclusive.
   * @param existing An address in it that is mapped.
   */
  constructor(readonly first: bigint, readonly last: bigint, readonly existing: bigint) {
    super(
      `Cannot map [${hex(first)}, ${hex(last)}]: ${
        hex(existing)
      } is mapped already, unmap it first`,
    );
  }
}

/** No domain has this id: it never had, or was destroyed. */
export class UnknownDomainError extends Error {
  /** "UnknownDomainError". */
  override name = "UnknownDomainError";

  /**
   * Made by what refuses.
   *
   * @param action What was to be done.
   * @param id The id.
   */
  constructor(readonly action: string, readonly id: number) {
    super(`Cannot ${action}: no domain has the id ${id} (it never had, or was destroyed)`);
  }
}

/** A domain that a region is bound to was to be destroyed. */
export class DomainInUseError extends Error {
  /** "DomainInUseError". */
  override name = "DomainInUseError";

  /**
   * Made by what refuses.
   *
   * @param id The domain.
   * @param region Name of a region that is bound to it.
   */
  constructor(readonly id: number, readonly region: string) {
    super(
      `Cannot destroy domain ${id}: region "${region}" is bound to it, bind that elsewhere first`,
    );
  }
}

/** A translation was asked for outside a read-side section, where its result means nothing. */
export class OutsideSectionError extends Error {
  /** "OutsideSectionError". */
  override name = "OutsideSectionError";

  /** Says what to do. */
  constructor() {
    super(
      "Cannot translate outside a read-side section: lock the domain's reader, translate, use the " +
        "result, then unlock",
    );
  }
}

/** A region has no such IOMMU index. */
export class IommuIndexError extends RangeError {
  /** "IommuIndexError". */
  override name = "IommuIndexError";

  /**
   * Made by what refuses.
   *
   * @param index What was given.
   * @param count How many the region has.
   */
  constructor(readonly index: number, readonly count: number) {
    super(`Cannot use IOMMU index ${index}: it must be an integer from 0 to ${count - 1}`);
  }
}

/** One IOMMU led to another, and so on, for longer than is allowed. */
export class IommuChainError extends Error {
  /** "IommuChainError". */
  override name = "IommuChainError";

  /**
   * Made by what refuses.
   *
   * @param address The address in the space where the chain began.
   * @param limit The bound.
   */
  constructor(readonly address: number | bigint, readonly limit: number) {
    super(
      `Cannot translate ${
        hex(address)
      }: more than ${limit} IOMMUs in a row, which lead back to one ` +
        `another or are too deeply nested`,
    );
  }
}

/** A notifier was registered with values that it cannot have, or twice, or is not registered. */
export class NotifierError extends Error {
  /** "NotifierError". */
  override name = "NotifierError";

  /**
   * Made by what refuses.
   *
   * @param action What was to be done.
   * @param reason Why it cannot.
   */
  constructor(readonly action: string, readonly reason: string) {
    super(`Cannot ${action}: ${reason}`);
  }
}

/** A shadow mapping was told of a mapping over one that it knows: the IOMMU's events are wrong. */
export class ShadowConflictError extends Error {
  /** "ShadowConflictError". */
  override name = "ShadowConflictError";

  /**
   * Made by what refuses.
   *
   * @param first First address.
   * @param last Last address, inclusive.
   */
  constructor(readonly first: bigint, readonly last: bigint) {
    super(
      `Cannot shadow the mapping [${hex(first)}, ${hex(last)}]: a part of it is mapped already`,
    );
  }
}

/** A walk of all mappings of a guest's tables met more entries than it may. */
export class MappingLimitError extends Error {
  /** "MappingLimitError". */
  override name = "MappingLimitError";

  /**
   * Made by what refuses.
   *
   * @param limit The bound.
   */
  constructor(readonly limit: number) {
    super(
      `Cannot list the mappings of a guest's tables: more than ${limit} entries, as tables have that ` +
        `lead back into themselves`,
    );
  }
}

/** A handle that belongs to another arena, or is no handle. */
export class ForeignIommuError extends Error {
  /** "ForeignIommuError". */
  override name = "ForeignIommuError";

  /**
   * Made by what refuses.
   *
   * @param what What was to be attached.
   * @param reason What is wrong with the handle.
   */
  constructor(readonly what: string, readonly reason: string) {
    super(`Cannot attach to ${what}: ${reason}`);
  }
}
