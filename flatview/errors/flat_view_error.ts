/**
 * The error of this package: one class, whose `code` says what went wrong. What the guest does wrong
 * is not an error but a `MemTxResult`.
 */
import { CodedError, type Messages } from "@guestmem/rcu/internal";

/** The fields of each code of a {@linkcode FlatViewError}. */
export interface FlatViewErrorDetails {
  /** Outside the 64-bit address space, or a `number` too large to be exact. */
  INVALID_ADDRESS: {
    /** What the value was meant to be. */
    readonly what: string;
    /** The value that was given. */
    readonly value: unknown;
    /** What the value has to be. */
    readonly requirement: string;
  };
  /** The region's state, kind or place in the tree does not allow this edit. Nothing was changed. */
  INVALID_EDIT: {
    readonly action: string;
    /** Name of the region. */
    readonly region: string;
    readonly reason: string;
  };
  /** The region was destroyed or finalised before. */
  REGION_DEAD: {
    readonly action: string;
    /** Name of the region. */
    readonly region: string;
    readonly reason: string;
  };
  /** A change of the tree outside a transaction. */
  NO_TRANSACTION: { readonly action: string };
  /** A listener, called by a commit, tried to change the topology. */
  COMMIT_IN_PROGRESS: object;
  /** Aliases lead back into themselves, or the tree nests without end. */
  RENDER_LIMIT: {
    /** Name of the region at which rendering gave up. */
    readonly region: string;
    readonly reason: string;
  };
  /** Logging of all memory was to be stopped, and is not on. */
  NOT_LOGGING: object;
  /** The topology was created without memory to publish in. */
  NOT_PUBLISHING: { readonly action: string };
  /** The address space, its listeners or its views are not in the state that the call needs. Nothing was changed. */
  ADDRESS_SPACE_STATE: {
    readonly action: string;
    /** Name of the address space. */
    readonly addressSpace: string;
    readonly reason: string;
  };
  /** Not the handle of an address space in this memory. */
  FOREIGN_ADDRESS_SPACE: {
    /** Id of the arena to which the handle should belong. */
    readonly arena: string;
  };
  /** The handle's address space belongs to another topology than those attached before. */
  FOREIGN_TOPOLOGY: {
    /** Name of the address space. */
    readonly addressSpace: string;
  };
  /** Listeners threw. The views are published all the same. */
  LISTENERS_FAILED: { readonly errors: readonly unknown[] };
  /** An access beyond the address space, or beyond the range of a cache. Nothing was accessed. */
  ACCESS_OUT_OF_RANGE: {
    /** First byte. */
    readonly address: number | bigint;
    /** Bytes of the access. */
    readonly length: number;
    /** Bytes that there are. */
    readonly limit: number | bigint;
  };
  /** This worker has set no address space for the number that an IOMMU answered. */
  UNKNOWN_ADDRESS_SPACE: { readonly action: string; readonly target: number };
  /** This worker has bound no translator to the IOMMU region. */
  IOMMU_UNBOUND: { readonly region: number };
  /** The context that owns the region's device has not bound its callbacks. */
  REGION_UNBOUND: { readonly region: number };
  /** The device lives in another context, and this worker was given no MMIO channel. */
  NO_MMIO_CHANNEL: {
    readonly region: number;
    /** Token of the device's context. */
    readonly context: number;
  };
  /** As many contexts take part in the MMIO channel as it was created for. */
  MMIO_CHANNEL_FULL: { readonly contexts: number };
  /** Not the handle of an MMIO channel in this memory. */
  FOREIGN_MMIO_CHANNEL: {
    /** Id of the arena to which the handle should belong. */
    readonly arena: string;
  };
  /** A translation was used after the section in which it was made (found in debug mode). */
  STALE_TRANSLATION: object;
  /** A vCPU's memory was used between its sections. */
  OUTSIDE_SECTION: object;
  /** The region names guest RAM in which no block lies. */
  MISSING_RAM: {
    readonly region: number;
    /** The `ram_addr_t`. */
    readonly ramAddr: number;
  };
  /** Nothing was mapped: all bounce buffers are in use. Register to be called when one is free. */
  BOUNCE_BUFFERS_BUSY: {
    readonly address: number | bigint;
    /** How many there are. */
    readonly limit: number;
  };
  /** The mapping was unmapped before. */
  MAPPING_ENDED: object;
  /** More bytes were said to be accessed than are mapped. */
  MAPPING_LENGTH: { readonly accessed: number; readonly length: number };
  /** A monitor's text, a machine file or a trace is not what it should be. */
  MALFORMED_TEXT: {
    /** Line of the text, 1 for the first; 0 where none is known. */
    readonly line: number;
    /** Path inside the JSON; empty for other texts. */
    readonly where: string;
    /** What was expected there. */
    readonly expected: string;
    /** What stands there; empty where that says nothing. */
    readonly found: string;
  };
  /** The access layer was not closed: mappings are left. */
  MAPPINGS_LEFT: { readonly addresses: readonly (number | bigint)[] };
}

const MESSAGES: Messages<FlatViewErrorDetails> = {
  INVALID_ADDRESS: ({ what, value, requirement }) =>
    `Cannot use ${value} as ${what}: it must be ${requirement}`,
  INVALID_EDIT: ({ action, region, reason }) => `Cannot ${action} "${region}": ${reason}`,
  REGION_DEAD: ({ action, region, reason }) => `Cannot ${action} "${region}": ${reason}`,
  NO_TRANSACTION: ({ action }) => `Cannot ${action}: no transaction is open`,
  COMMIT_IN_PROGRESS: () =>
    "Cannot begin a transaction: the listeners of another commit are still running",
  RENDER_LIMIT: ({ region, reason }) => `Cannot render "${region}": ${reason}`,
  NOT_LOGGING: () => "Cannot stop logging writes to all memory: nobody logs them",
  NOT_PUBLISHING: ({ action }) => `Cannot ${action}: the topology was created without an arena`,
  ADDRESS_SPACE_STATE: ({ action, addressSpace, reason }) =>
    `Cannot ${action} address space "${addressSpace}": ${reason}`,
  FOREIGN_ADDRESS_SPACE: ({ arena }) =>
    `Cannot attach to an address space: the handle is not one of arena ${arena}`,
  FOREIGN_TOPOLOGY: ({ addressSpace }) =>
    `Cannot attach to address space "${addressSpace}": it belongs to another topology than those ` +
    `attached before`,
  LISTENERS_FAILED: ({ errors }) =>
    `${errors.length} listener calls failed; what they were notified of is complete nevertheless`,
  ACCESS_OUT_OF_RANGE: ({ address, length, limit }) =>
    `Cannot access ${length} bytes at ${hex(address)}: there are ${hex(limit)} bytes`,
  UNKNOWN_ADDRESS_SPACE: ({ action, target }) =>
    `Cannot ${action}: this worker has set no address space as target ${target}`,
  IOMMU_UNBOUND: ({ region }) =>
    `Cannot translate: this worker has bound no translator to IOMMU region ${region}`,
  REGION_UNBOUND: ({ region }) =>
    `Cannot call the device of region ${region}: its context has bound no callbacks to it`,
  NO_MMIO_CHANNEL: ({ region, context }) =>
    `Cannot reach region ${region}: its callbacks run in context ${context}, and this worker has ` +
    `no MMIO channel`,
  MMIO_CHANNEL_FULL: ({ contexts }) =>
    `Cannot join the MMIO channel: all its ${contexts} contexts are taken`,
  FOREIGN_MMIO_CHANNEL: ({ arena }) =>
    `Cannot attach to an MMIO channel: the handle is not one of arena ${arena}`,
  STALE_TRANSLATION: () =>
    "Cannot use a translation: the read-side section in which it was made is over",
  OUTSIDE_SECTION: () => "Cannot access a vCPU's memory outside its section: call lock() before",
  MISSING_RAM: ({ region, ramAddr }) =>
    `Cannot access region ${region}: no block of guest memory has ram_addr_t ${hex(ramAddr)}`,
  BOUNCE_BUFFERS_BUSY: ({ address, limit }) =>
    `Cannot map ${hex(address)}: it needs a bounce buffer, and all ${limit} are in use`,
  MAPPING_ENDED: () => "Cannot unmap guest memory: it was unmapped before",
  MAPPING_LENGTH: ({ accessed, length }) =>
    `Cannot unmap guest memory after ${accessed} bytes: ${length} are mapped`,
  MALFORMED_TEXT: ({ line, where, expected, found }) =>
    [line > 0 ? `line ${line}` : "", where].filter((part) => part !== "").join(", ") +
    `: expected ${expected}${found === "" ? "" : `, found ${found}`}`,
  MAPPINGS_LEFT: ({ addresses }) =>
    `Cannot close the access layer: ${addresses.length} mappings are left, at ${
      addresses.map(hex).join(", ")
    }`,
};

function hex(value: number | bigint): string {
  return `0x${value.toString(16)}`;
}

/** Something that this package cannot do: see {@linkcode FlatViewErrorDetails} for the codes. */
export class FlatViewError<
  Code extends keyof FlatViewErrorDetails = keyof FlatViewErrorDetails,
> extends CodedError<FlatViewErrorDetails, Code> {
  static {
    this.prototype.name = "FlatViewError";
  }

  /**
   * Words the error.
   *
   * @param code What went wrong.
   * @param details With what.
   * @param options The cause, if another error is.
   */
  constructor(code: Code, details: FlatViewErrorDetails[Code], options?: ErrorOptions) {
    super(MESSAGES, code, details, options);
  }
}

/** Listeners threw during a commit. The commit was completed all the same: the views are published. */
export class ListenerError extends FlatViewError<"LISTENERS_FAILED"> {
  static {
    this.prototype.name = "ListenerError";
  }

  /** Wraps what the listeners threw; the first of it is the cause. */
  constructor(errors: readonly unknown[]) {
    super("LISTENERS_FAILED", { errors }, { cause: errors[0] });
  }

  /** What the listeners threw, in the order of the calls. */
  get errors(): readonly unknown[] {
    return this.details.errors;
  }
}
