/** Errors of the access layer. What the guest does wrong is no error here but a `MemTxResult`. */

import type { Address } from "../region/address.ts";

/** An access that runs beyond the address space, or beyond what a cache spans. Nothing was accessed. */
export class AccessRangeError extends RangeError {
  /** The name of the class. */
  override name = "AccessRangeError";

  /**
   * Describes the failure.
   *
   * @param address First byte. @param length Bytes. @param limit How many bytes there are.
   */
  constructor(readonly address: Address, readonly length: number, readonly limit: Address) {
    super(
      `Cannot access ${length} bytes at 0x${address.toString(16)}: there are 0x${
        limit.toString(16)
      } bytes`,
    );
  }
}

/** An address space that this worker has not attached to. */
export class UnknownAddressSpaceError extends Error {
  /** The name of the class. */
  override name = "UnknownAddressSpaceError";

  /**
   * Describes the failure.
   *
   * @param action What was to be done. @param target The number by which the space was asked for.
   */
  constructor(action: string, readonly target: number) {
    super(`Cannot ${action}: this worker has set no address space as target ${target}`);
  }
}

/** An IOMMU region for which this worker has bound no translator. */
export class UnboundIommuError extends Error {
  /** The name of the class. */
  override name = "UnboundIommuError";

  /** Describes the failure. @param region Id of the region. */
  constructor(readonly region: number) {
    super(`Cannot translate: this worker has bound no translator to IOMMU region ${region}`);
  }
}

/** The context that owns a region's device has not bound its callbacks. */
export class UnboundRegionError extends Error {
  /** The name of the class. */
  override name = "UnboundRegionError";

  /** Describes the failure. @param region Id of the region. */
  constructor(readonly region: number) {
    super(
      `Cannot call the device of region ${region}: its context has bound no callbacks to it`,
    );
  }
}

/** An access to a device in another context, from a worker that was given no MMIO channel. */
export class NoMmioChannelError extends Error {
  /** The name of the class. */
  override name = "NoMmioChannelError";

  /** Describes the failure. @param region Id of the region. @param context Token of its context. */
  constructor(readonly region: number, readonly context: number) {
    super(
      `Cannot reach region ${region}: its callbacks run in context ${context}, and this worker ` +
        `has no MMIO channel`,
    );
  }
}

/** As many contexts take part in an MMIO channel as it was created for. */
export class MmioChannelFullError extends Error {
  /** The name of the class. */
  override name = "MmioChannelFullError";

  /** Describes the failure. @param contexts The limit. */
  constructor(readonly contexts: number) {
    super(`Cannot join the MMIO channel: all its ${contexts} contexts are taken`);
  }
}

/** A handle that names no MMIO channel of this arena. */
export class ForeignMmioChannelError extends Error {
  /** The name of the class. */
  override name = "ForeignMmioChannelError";
}

/** A translation was used after the section in which it was made (found in debug mode). */
export class StaleTranslationError extends Error {
  /** The name of the class. */
  override name = "StaleTranslationError";

  /** Describes the failure. */
  constructor() {
    super("Cannot use a translation: the read-side section in which it was made is over");
  }
}

/** A TLB was used between its sections. */
export class TlbOutsideSectionError extends Error {
  /** The name of the class. */
  override name = "TlbOutsideSectionError";

  /** Describes the failure. */
  constructor() {
    super("Cannot access memory through the TLB outside its section: call lock() before");
  }
}

/** Guest memory that a region is said to be backed by and is not. */
export class MissingGuestMemoryError extends Error {
  /** The name of the class. */
  override name = "MissingGuestMemoryError";

  /** Describes the failure. @param region Id of the region. @param ramAddr The ram_addr_t. */
  constructor(readonly region: number, readonly ramAddr: number) {
    super(
      `Cannot access region ${region}: no block of guest memory has ram_addr_t 0x${
        ramAddr.toString(16)
      }`,
    );
  }
}

/** All bounce buffers are in use. Nothing was mapped; register to be called when one is free. */
export class BounceBuffersBusyError extends Error {
  /** The name of the class. */
  override name = "BounceBuffersBusyError";

  /** Describes the failure. @param address The address to map. @param limit How many there are. */
  constructor(readonly address: Address, readonly limit: number) {
    super(
      `Cannot map 0x${address.toString(16)}: it needs a bounce buffer, and all ${limit} are in use`,
    );
  }
}

/** A mapping that is not mapped any more, or a length that it does not have. */
export class MappingError extends Error {
  /** The name of the class. */
  override name = "MappingError";
}

/** Mappings were left when the access layer was closed. Nothing was closed. */
export class MappingLeakError extends Error {
  /** The name of the class. */
  override name = "MappingLeakError";

  /** Describes the failure. @param addresses Where they were mapped. */
  constructor(readonly addresses: readonly Address[]) {
    super(
      `Cannot close the access layer: ${addresses.length} mappings are left, at ${
        addresses.map((address) => `0x${address.toString(16)}`).join(", ")
      }`,
    );
  }
}
