/**
 * The error of this package.
 *
 * @module
 */

import { CodedError, type Messages } from "@guestmem/rcu/internal";

/** The fields of each code of a {@linkcode RamBlockError}. After any of them nothing has changed. */
export interface RamBlockErrorDetails {
  // ---- guest RAM and its blocks ----

  /** A length or a size does not meet its requirement. */
  INVALID_LENGTH: {
    /** Which length it is. */
    readonly what: string;
    readonly value: number;
    readonly requirement: string;
  };
  /** Not an integer from 0 to 2^53 - 1. */
  INVALID_ADDRESS: { readonly address: number | bigint };
  /** The handle belongs to another arena, or to something else. */
  FOREIGN_HANDLE: {
    /** What the handle was used for. */
    readonly what: string;
    readonly reason: string;
  };
  /** The host refused a window of guest RAM; its own error is the `cause`. */
  WINDOW_REFUSED: { readonly window: number; readonly bytes: number };
  /** No gap between the blocks is large enough. */
  RAM_EXHAUSTED: {
    /** Name of the block. */
    readonly block: string;
    /** Its maximum length. */
    readonly length: number;
    /** Bytes of all windows. */
    readonly reserved: number;
    /** Bytes that retired blocks still hold. */
    readonly retired: number;
  };
  /** A block has the name. */
  DUPLICATE_NAME: { readonly block: string };
  /** A name must have 1 to 255 bytes of UTF-8. */
  INVALID_NAME: { readonly block: string; readonly bytes: number };
  /** The id was never issued, or the block was removed. */
  UNKNOWN_BLOCK: { readonly action: string; readonly id: number };
  /** The block's file or callback belongs to another context, which alone can reclaim it. */
  FOREIGN_BLOCK: { readonly block: string };
  /** The length is greater than the block's maximum length. */
  LENGTH_BEYOND_MAXIMUM: {
    readonly block: string;
    readonly length: number;
    readonly maximum: number;
  };
  /** A caller's buffer cannot be the memory of a block. */
  INVALID_BUFFER: { readonly block: string; readonly reason: string };
  /** The block lives in a caller's buffer that this context has not attached. */
  BUFFER_NOT_ATTACHED: { readonly id: number };
  /** The file behind a block failed; its own error is the `cause`. */
  FILE_FAILED: {
    readonly block: string;
    readonly action: "read" | "write" | "flush";
    readonly position: number;
  };
  /** The file behind a block ends before the block does, or accepts no more bytes. */
  FILE_TOO_SHORT: {
    readonly block: string;
    readonly action: "read" | "write";
    /** Where it stopped. */
    readonly position: number;
    /** Bytes that the block needs. */
    readonly length: number;
  };
  /** An access starts in no block, or runs past the used length of its block. */
  OUT_OF_BLOCK: {
    /** The ram_addr_t of the access. */
    readonly address: number;
    readonly length: number;
    /** Bytes in use from there on. */
    readonly available: number;
  };
  /** A view would span two windows. */
  WINDOW_BOUNDARY: {
    readonly address: number;
    readonly length: number;
    /** Bytes to the end of the window. */
    readonly contiguous: number;
  };
  /** The dirty bitmaps do not cover the range. */
  DIRTY_RANGE: {
    readonly address: number;
    readonly length: number;
    /** Bytes that they cover. */
    readonly covered: number;
  };
  /** A removed block could not be reclaimed, and keeps its content; the reason is the `cause`. */
  RECLAIM_FAILED: { readonly id: number; readonly block: string };

  // ---- memslots ----

  /** A property of a slot does not meet its requirement. */
  INVALID_SLOT: { readonly what: string; readonly value: number; readonly requirement: string };
  /** Two slots would have the same gfn. */
  SLOT_OVERLAP: { readonly id: number; readonly other: number; readonly gfn: number };
  /** There would be more slots than allowed. */
  TOO_MANY_SLOTS: { readonly count: number; readonly limit: number };
  /** No slot has this number. */
  UNKNOWN_SLOT: { readonly action: string; readonly id: number };
  /** A slot has this number. */
  SLOT_EXISTS: { readonly id: number };
  /** Another batch is in progress, or was committed since this one was created. */
  BATCH_CONFLICT: { readonly reason: string };
  /** The slot keeps no dirty log. */
  NO_DIRTY_LOG: { readonly id: number };
  /** A section of a flat view cannot be a slot. */
  UNMAPPABLE_SECTION: {
    /** Its guest physical address. */
    readonly address: bigint;
    readonly reason: string;
  };
}

const MESSAGES: Messages<RamBlockErrorDetails> = {
  INVALID_LENGTH: ({ what, value, requirement }) =>
    `Cannot use ${hex(value)} as ${what}: it must be ${requirement}`,
  INVALID_ADDRESS: ({ address }) =>
    `Cannot look up ${hex(address)}: it must be an integer from 0 to 2^53 - 1`,
  FOREIGN_HANDLE: ({ what, reason }) => `Cannot attach to ${what}: ${reason}`,
  WINDOW_REFUSED: ({ window, bytes }) =>
    `Cannot reserve window ${window} of guest RAM: the host refused a shared WebAssembly.Memory ` +
    `of ${hex(bytes)} bytes`,
  RAM_EXHAUSTED: ({ block, length, reserved, retired }) =>
    `Cannot place RAM block "${block}" of ${hex(length)} bytes: no gap in the ${hex(reserved)} ` +
    `bytes of guest RAM is large enough (removed blocks hold ${hex(retired)} of them until ` +
    `they are reclaimed)`,
  DUPLICATE_NAME: ({ block }) =>
    `Cannot add RAM block "${block}": names are unique, and a block of that name exists`,
  INVALID_NAME: ({ block, bytes }) =>
    `Cannot name a RAM block "${block}": a name must have 1 to 255 bytes of UTF-8, ` +
    `and this one has ${bytes}`,
  UNKNOWN_BLOCK: ({ action, id }) =>
    `Cannot ${action} RAM block ${id}: no block has this id, or it was removed`,
  FOREIGN_BLOCK: ({ block }) =>
    `Cannot remove RAM block "${block}" here: its file or its callback belongs to the context ` +
    `that added it, and only that one can reclaim it`,
  LENGTH_BEYOND_MAXIMUM: ({ block, length, maximum }) =>
    `Cannot resize RAM block "${block}" to ${hex(length)} bytes: its maximum length is ` +
    hex(maximum),
  INVALID_BUFFER: ({ block, reason }) => `Cannot use the buffer of RAM block "${block}": ${reason}`,
  BUFFER_NOT_ATTACHED: ({ id }) =>
    `Cannot access RAM block ${id} in this context: it lives in a caller's buffer, which must ` +
    `be attached here with attachBuffer()`,
  FILE_FAILED: ({ block, action, position }) =>
    `Cannot ${action} the file of RAM block "${block}" at ${hex(position)}`,
  FILE_TOO_SHORT: ({ block, action, position, length }) =>
    `Cannot ${action} the file of RAM block "${block}" beyond ${hex(position)}: the block's ` +
    `length is ${hex(length)}`,
  OUT_OF_BLOCK: ({ address, length, available }) =>
    `Cannot access ${hex(length)} bytes at ram_addr_t ${hex(address)}: ${hex(available)} bytes ` +
    `of a RAM block are in use from there on`,
  WINDOW_BOUNDARY: ({ address, length, contiguous }) =>
    `Cannot make a view of ${hex(length)} bytes at ram_addr_t ${hex(address)}: a view lies in ` +
    `one window, and this one ends after ${hex(contiguous)} bytes (read() and write() cross)`,
  DIRTY_RANGE: ({ address, length, covered }) =>
    `Cannot use the dirty bits of [${hex(address)}, +${hex(length)}): both must be integers and ` +
    `the range must lie in the ${hex(covered)} bytes that the bitmaps cover`,
  RECLAIM_FAILED: ({ id, block }) =>
    `Cannot reclaim RAM block "${block}" (${id}): its content is kept; retryReclaim(${id}) tries ` +
    `again, discard(${id}) gives it up`,
  INVALID_SLOT: ({ what, value, requirement }) =>
    `Cannot use ${hex(value)} as ${what} of a slot: it must be ${requirement}`,
  SLOT_OVERLAP: ({ id, other, gfn }) =>
    `Cannot commit the batch: slots ${id} and ${other} would both have gfn ${hex(gfn)}`,
  TOO_MANY_SLOTS: ({ count, limit }) =>
    `Cannot commit the batch: it would make ${count} slots, and the limit is ${limit}`,
  UNKNOWN_SLOT: ({ action, id }) => `Cannot ${action} slot ${id}: no slot has this number`,
  SLOT_EXISTS: ({ id }) => `Cannot create slot ${id}: a slot of this number exists`,
  BATCH_CONFLICT: ({ reason }) => `Cannot commit the batch: ${reason}`,
  NO_DIRTY_LOG: ({ id }) =>
    `Cannot collect the dirty log of slot ${id}: its flags do not include LOG_DIRTY`,
  UNMAPPABLE_SECTION: ({ address, reason }) =>
    `Cannot map the section at ${hex(address)} as a slot: ${reason}`,
};

/**
 * What guest RAM, its blocks, the dirty bitmaps and memslots refuse. After any of these errors
 * nothing has changed.
 *
 * @example
 * ```ts
 * import { Arena, RcuDomain } from "@guestmem/rcu";
 * import { GuestRam, RamBlockError, RamList } from "@guestmem/ramblock";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * const domain = RcuDomain.create(Arena.create({ bytes: 1 << 20 }));
 * const blocks = new RamList(GuestRam.create(domain, { bytes: 1 << 20 }));
 * const error = assertThrows(() => blocks.remove(7), RamBlockError);
 * assertEquals([error.code, error.details], ["UNKNOWN_BLOCK", { action: "remove", id: 7 }]);
 * ```
 */
export class RamBlockError<
  Code extends keyof RamBlockErrorDetails = keyof RamBlockErrorDetails,
> extends CodedError<RamBlockErrorDetails, Code> {
  static {
    this.prototype.name = "RamBlockError";
  }

  /**
   * Words the error.
   *
   * @param code What went wrong.
   * @param details With what.
   * @param options The cause, if another error is.
   */
  constructor(code: Code, details: RamBlockErrorDetails[Code], options?: ErrorOptions) {
    super(MESSAGES, code, details, options);
  }
}

/** A number as people read it. */
function hex(value: number | bigint): string {
  const isPlain = typeof value === "bigint" || Number.isInteger(value);
  return isPlain && value >= 0 ? `0x${value.toString(16)}` : String(value);
}
