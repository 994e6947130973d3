/**
 * What can go wrong with RAM blocks and dirty memory. After any of these errors nothing is changed.
 *
 * @module
 */

/** A number as people read it. */
function hex(value: number): string {
  return Number.isInteger(value) && value >= 0 ? `0x${value.toString(16)}` : String(value);
}

/** A length, size or position is not one. */
export class InvalidLengthError extends RangeError {
  /**
   * Says what could not be done, and why.
   *
   * @param what What was given.
   * @param value Its value.
   * @param requirement What it must be.
   */
  constructor(readonly what: string, readonly value: number, readonly requirement: string) {
    super(`Cannot use ${hex(value)} as ${what}: it must be ${requirement}`);
    this.name = "InvalidLengthError";
  }
}

/** A value that was to be a ram_addr_t or a host position is none. */
export class InvalidAddressError extends RangeError {
  /**
   * Says what could not be done, and why.
   *
   * @param address What was given.
   */
  constructor(readonly address: number) {
    super(`Cannot look up ${hex(address)}: it must be an integer from 0 to 2^53 - 1`);
    this.name = "InvalidAddressError";
  }
}

/** A handle does not name what it should. */
export class ForeignRamError extends Error {
  /**
   * Says what could not be done, and why.
   *
   * @param what What was to be attached.
   * @param reason What is wrong.
   */
  constructor(readonly what: string, readonly reason: string) {
    super(`Cannot attach to ${what}: ${reason}`);
    this.name = "ForeignRamError";
  }
}

/** The host does not give a window of guest RAM. */
export class WindowReservationError extends Error {
  /**
   * Says what could not be done, and why.
   *
   * @param window Which window.
   * @param bytes Its size.
   * @param options The host's reason.
   */
  constructor(readonly window: number, readonly bytes: number, options: ErrorOptions) {
    super(
      `Cannot reserve window ${window} of guest RAM: the host refused a shared WebAssembly.Memory ` +
        `of ${hex(bytes)} bytes`,
      options,
    );
    this.name = "WindowReservationError";
  }
}

/** No gap between the blocks is large enough. */
export class RamExhaustedError extends Error {
  /**
   * Says what could not be done, and why.
   *
   * @param block Name of the block.
   * @param length Its maximum length.
   * @param reserved Bytes of all windows.
   * @param retired Bytes of removed blocks that are not reclaimed yet.
   */
  constructor(
    readonly block: string,
    readonly length: number,
    readonly reserved: number,
    readonly retired: number,
  ) {
    super(
      `Cannot place RAM block "${block}" of ${hex(length)} bytes: no gap in the ${hex(reserved)} ` +
        `bytes of guest RAM is large enough (removed blocks hold ${hex(retired)} of them until ` +
        `they are reclaimed)`,
    );
    this.name = "RamExhaustedError";
  }
}

/** A name is taken. */
export class DuplicateNameError extends Error {
  /**
   * Says what could not be done, and why.
   *
   * @param block The name.
   */
  constructor(readonly block: string) {
    super(`Cannot add RAM block "${block}": names are unique, and a block of that name exists`);
    this.name = "DuplicateNameError";
  }
}

/** A name is empty or too long. */
export class InvalidNameError extends Error {
  /**
   * Says what could not be done, and why.
   *
   * @param block The name.
   * @param bytes Its length in UTF-8.
   */
  constructor(readonly block: string, readonly bytes: number) {
    super(
      `Cannot name a RAM block "${block}": a name must have 1 to 255 bytes of UTF-8, ` +
        `and this one has ${bytes}`,
    );
    this.name = "InvalidNameError";
  }
}

/** No block has this id: it was never issued, or the block was removed. */
export class UnknownBlockError extends Error {
  /**
   * Says what could not be done, and why.
   *
   * @param action What was to be done.
   * @param id The id.
   */
  constructor(readonly action: string, readonly id: number) {
    super(`Cannot ${action} RAM block ${id}: no block has this id, or it was removed`);
    this.name = "UnknownBlockError";
  }
}

/** A block's file or callback belongs to the context that added it. */
export class ForeignBlockError extends Error {
  /**
   * Says what could not be done, and why.
   *
   * @param block Name of the block.
   */
  constructor(readonly block: string) {
    super(
      `Cannot remove RAM block "${block}" here: its file or its callback belongs to the context ` +
        `that added it, and only that one can reclaim it`,
    );
    this.name = "ForeignBlockError";
  }
}

/** A block cannot have the length asked for. */
export class ResizeError extends RangeError {
  /**
   * Says what could not be done, and why.
   *
   * @param block Name of the block.
   * @param length The length asked for.
   * @param maximum Its maximum length.
   */
  constructor(readonly block: string, readonly length: number, readonly maximum: number) {
    super(
      `Cannot resize RAM block "${block}" to ${hex(length)} bytes: its maximum length is ` +
        hex(maximum),
    );
    this.name = "ResizeError";
  }
}

/** A caller's buffer does not serve as a block. */
export class InvalidBufferError extends Error {
  /**
   * Says what could not be done, and why.
   *
   * @param block Name of the block.
   * @param reason What is wrong.
   */
  constructor(readonly block: string, readonly reason: string) {
    super(`Cannot use the buffer of RAM block "${block}": ${reason}`);
    this.name = "InvalidBufferError";
  }
}

/** A block lives in a buffer that this context has not attached. */
export class BufferNotAttachedError extends Error {
  /**
   * Says what could not be done, and why.
   *
   * @param id The block's id.
   */
  constructor(readonly id: number) {
    super(
      `Cannot access RAM block ${id} in this context: it lives in a caller's buffer, which must ` +
        `be attached here with attachBuffer()`,
    );
    this.name = "BufferNotAttachedError";
  }
}

/** The file behind a block could not be read, written or flushed. */
export class BackingFileError extends Error {
  /**
   * Says what could not be done, and why.
   *
   * @param block Name of the block.
   * @param action What failed.
   * @param position Where in the file.
   * @param options The file's own error.
   */
  constructor(
    readonly block: string,
    readonly action: "read" | "write" | "flush",
    readonly position: number,
    options: ErrorOptions,
  ) {
    super(`Cannot ${action} the file of RAM block "${block}" at ${hex(position)}`, options);
    this.name = "BackingFileError";
  }
}

/** The file behind a block ends early, or takes no more. */
export class ShortFileError extends Error {
  /**
   * Says what could not be done, and why.
   *
   * @param block Name of the block.
   * @param action What was done.
   * @param position Where it stopped.
   * @param length The length needed.
   */
  constructor(
    readonly block: string,
    readonly action: "read" | "write",
    readonly position: number,
    readonly length: number,
  ) {
    super(
      `Cannot ${action} the file of RAM block "${block}" beyond ${hex(position)}: the block's ` +
        `length is ${hex(length)}`,
    );
    this.name = "ShortFileError";
  }
}

/** An access leaves its block's used length, or starts in no block. */
export class OutOfRamBlockError extends RangeError {
  /**
   * Says what could not be done, and why.
   *
   * @param address The ram_addr_t of the access.
   * @param length Its length.
   * @param available Bytes of the block's used length from there on.
   */
  constructor(readonly address: number, readonly length: number, readonly available: number) {
    super(
      `Cannot access ${hex(length)} bytes at ram_addr_t ${hex(address)}: ${hex(available)} bytes ` +
        `of a RAM block are in use from there on`,
    );
    this.name = "OutOfRamBlockError";
  }
}

/** A view would span two windows. */
export class WindowBoundaryError extends RangeError {
  /**
   * Says what could not be done, and why.
   *
   * @param address The ram_addr_t of the view.
   * @param length Its length.
   * @param contiguous Bytes to the end of the window.
   */
  constructor(readonly address: number, readonly length: number, readonly contiguous: number) {
    super(
      `Cannot make a view of ${hex(length)} bytes at ram_addr_t ${hex(address)}: a view lies in ` +
        `one window, and this one ends after ${hex(contiguous)} bytes (read() and write() cross)`,
    );
    this.name = "WindowBoundaryError";
  }
}

/** Pages that the dirty bitmaps do not cover. */
export class DirtyRangeError extends RangeError {
  /**
   * Says what could not be done, and why.
   *
   * @param address The first ram_addr_t.
   * @param length The length.
   * @param covered Bytes covered.
   */
  constructor(readonly address: number, readonly length: number, readonly covered: number) {
    super(
      `Cannot use the dirty bits of [${hex(address)}, +${
        hex(length)
      }): both must be integers and ` +
        `the range must lie in the ${hex(covered)} bytes that the bitmaps cover`,
    );
    this.name = "DirtyRangeError";
  }
}

/** A removed block could not be reclaimed; its content is kept. */
export class ReclaimError extends Error {
  /**
   * Says what could not be done, and why.
   *
   * @param id The block's id.
   * @param block Its name.
   * @param options The reason.
   */
  constructor(readonly id: number, readonly block: string, options: ErrorOptions) {
    super(
      `Cannot reclaim RAM block "${block}" (${id}): its content is kept; retryReclaim(${id}) tries ` +
        `again, discard(${id}) gives it up`,
      options,
    );
    this.name = "ReclaimError";
  }
}
