/**
 * The errors of the arena and its locks. Each says what was asked, what was required and what was
 * found, and carries the same as fields. Unless its own text says otherwise, the state is as it was
 * before the call.
 *
 * @module
 */

/** A context as an error names it: its owner token and, while it is still known, its label. */
export interface ContextName {
  /** The owner token; 0 when no context is recorded. */
  readonly token: number;
  /** The label given at `Arena.create` or `Arena.attach`; empty when it is no longer known. */
  readonly label: string;
}

/** Formats a {@linkcode ContextName} for a message. */
export function formatContext(context: ContextName): string {
  if (context.token === 0) return "nobody";
  return context.label === ""
    ? `context ${context.token}`
    : `"${context.label}" (context ${context.token})`;
}

/** Base of every error that the arena and its locks throw. */
export class ArenaError extends Error {
  /**
   * Describes the failure.
   *
   * @param message What was asked, what was required, what was found
   * @param options The cause, if there is one
   */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** No free block is large enough. */
export class ArenaExhaustedError extends ArenaError {
  /**
   * Describes the failure.
   *
   * @param requested The bytes asked for
   * @param freeBytes The bytes free in all, headers included
   * @param largestFree The payload bytes of the largest free block, 0 if there is none
   */
  constructor(
    readonly requested: number,
    readonly freeBytes: number,
    readonly largestFree: number,
  ) {
    super(
      `Cannot allocate ${requested} bytes: the largest free block holds ${largestFree} of ${freeBytes} free bytes`,
    );
  }
}

/** A size, an alignment or a count is not a number that the operation can take. */
export class InvalidSizeError extends ArenaError {
  /**
   * Describes the failure.
   *
   * @param what What the number is
   * @param value The number given
   * @param requirement What it has to be
   */
  constructor(readonly what: string, readonly value: unknown, readonly requirement: string) {
    super(`Cannot use ${String(value)} as ${what}: it must be ${requirement}`);
  }
}

/** The offset is not the start of a block of this arena. */
export class InvalidPointerError extends ArenaError {
  /**
   * Describes the failure.
   *
   * @param action What was to be done with the block
   * @param offset The offset given
   * @param reason Why it is refused
   */
  constructor(readonly action: string, readonly offset: unknown, readonly reason: string) {
    super(`Cannot ${action} ${formatOffset(offset)}: ${reason}`);
  }
}

/** The block was freed, or handed over to be freed, before. */
export class DoubleFreeError extends ArenaError {
  /**
   * Describes the failure.
   *
   * @param offset The block
   * @param state What became of it: `"free"`, `"deferred"`, `"quarantined"` or `"merged"`
   * @param freedBy Who freed it first
   */
  constructor(readonly offset: number, readonly state: string, readonly freedBy: ContextName) {
    super(
      `Cannot free ${formatOffset(offset)}: ${
        formatContext(freedBy)
      } freed it before (now ${state})`,
    );
  }
}

/** Words that the allocator keeps are not what it wrote. */
export class ArenaCorruptError extends ArenaError {
  /**
   * Describes the failure.
   *
   * @param offset Where
   * @param reason What is wrong there
   */
  constructor(readonly offset: number, readonly reason: string) {
    super(`The arena is corrupt at ${formatOffset(offset)}: ${reason}`);
  }
}

/** What is known of a block: who allocated it, who freed it. */
export interface BlockHistory {
  /** Offset of the block's first byte. */
  readonly block: number;
  /** Bytes asked for when it was allocated. */
  readonly size: number;
  /** `"free"`, `"pending"`, `"live"`, `"deferred"`, `"quarantined"` or `"merged"`. */
  readonly state: string;
  /** Number of the allocation, counted modulo 2^32 over the arena's life. */
  readonly serial: number;
  /** Who allocated it. */
  readonly allocatedBy: ContextName;
  /** Who freed it, token 0 when nobody has. */
  readonly freedBy: ContextName;
}

/** Debug mode: a block was read or written after it was freed. */
export class UseAfterFreeError extends ArenaError {
  /**
   * Describes the failure.
   *
   * @param access `"load"`, `"store"`, or `"earlier store"` when the damage was found afterwards
   * @param offset The byte touched
   * @param history The block it lay in
   */
  constructor(readonly access: string, readonly offset: number, readonly history: BlockHistory) {
    super(
      `Use after free: ${access} at ${formatOffset(offset)}, in block ${
        formatOffset(history.block)
      } of ` +
        `${history.size} bytes (allocation ${history.serial}), which ${
          formatContext(history.allocatedBy)
        } ` +
        `allocated and ${formatContext(history.freedBy)} freed; it is ${history.state}`,
    );
  }
}

/** Debug mode: a checked access lies in no block, or runs over the end of one. */
export class OutOfBlockError extends ArenaError {
  /**
   * Describes the failure.
   *
   * @param access `"load"` or `"store"`
   * @param offset The first byte touched
   * @param bytes How many were touched
   * @param block The live block that it starts in, or undefined
   */
  constructor(
    readonly access: string,
    readonly offset: number,
    readonly bytes: number,
    readonly block: BlockHistory | undefined,
  ) {
    super(
      `Cannot ${access} ${bytes} bytes at ${formatOffset(offset)}: ` +
        (block
          ? `block ${formatOffset(block.block)} has ${block.size} bytes`
          : "no block lies there"),
    );
  }
}

/** Debug mode: bytes behind the end of a block were written. */
export class CanaryError extends ArenaError {
  /**
   * Describes the failure.
   *
   * @param offset The first damaged byte
   * @param history The block it follows
   */
  constructor(readonly offset: number, readonly history: BlockHistory) {
    super(
      `Write past the end: byte ${formatOffset(offset)} behind block ${
        formatOffset(history.block)
      } of ` +
        `${history.size} bytes, which ${
          formatContext(history.allocatedBy)
        } allocated, was overwritten`,
    );
  }
}

/** A handle or a memory is not one that this version can attach to. */
export class ForeignHandleError extends ArenaError {
  /**
   * Describes the failure.
   *
   * @param what What was to be attached
   * @param field The field that does not fit
   * @param expected What it has to be
   * @param actual What it is
   */
  constructor(
    readonly what: string,
    readonly field: string,
    readonly expected: unknown,
    readonly actual: unknown,
  ) {
    super(`Cannot attach ${what}: ${field} must be ${String(expected)}, but is ${String(actual)}`);
  }
}

/** The host refuses memory that workers can share. */
export class SharedMemoryUnavailableError extends ArenaError {
  /**
   * Describes the failure.
   *
   * @param missing What the host lacks
   * @param options The error that the host threw, as `cause`
   */
  constructor(readonly missing: string, options?: ErrorOptions) {
    super(`Cannot create a shared WebAssembly memory: ${missing}`, options);
  }
}

/** The host can share memory but not reserve this much. */
export class ReservationError extends ArenaError {
  /**
   * Describes the failure.
   *
   * @param bytes The bytes to be reserved
   * @param options The error that the host threw, as `cause`
   */
  constructor(readonly bytes: number, options?: ErrorOptions) {
    super(`Cannot reserve ${bytes} bytes of shared memory: the host refused it`, options);
  }
}

/** A label has too many bytes. */
export class LabelTooLongError extends ArenaError {
  /**
   * Describes the failure.
   *
   * @param label The label given
   * @param bytes Its length in UTF-8
   * @param limit The most it may have
   */
  constructor(readonly label: string, readonly bytes: number, readonly limit: number) {
    super(`Cannot use label "${label}": it has ${bytes} bytes in UTF-8, at most ${limit} fit`);
  }
}

/** Every record of the context table is in use. */
export class ContextLimitError extends ArenaError {
  /**
   * Describes the failure.
   *
   * @param limit The number of contexts that the arena was created for
   */
  constructor(readonly limit: number) {
    super(
      `Cannot attach another context: all ${limit} are in use (see the option "contexts" of Arena.create)`,
    );
  }
}

/** No context of the arena ever had this token. */
export class UnknownContextError extends ArenaError {
  /**
   * Describes the failure.
   *
   * @param token The token given
   */
  constructor(readonly token: unknown) {
    super(
      `Cannot evict context ${
        String(token)
      }: the arena has issued no such token to another context`,
    );
  }
}

/** This context was evicted, or has closed its arena: others may have taken over what it held. */
export class EvictedError extends ArenaError {
  /**
   * Describes the failure.
   *
   * @param token The token of this context
   */
  constructor(readonly token: number) {
    super(`Cannot go on in context ${token}: it was evicted from the arena, or has closed it`);
  }
}

/** Where blocking is forbidden, a lock was not free within the time that may be spent spinning. */
export class LockTimeoutError extends ArenaError {
  /**
   * Describes the failure.
   *
   * @param owner The token of the holder
   * @param milliseconds How long was spent
   */
  constructor(readonly owner: number, readonly milliseconds: number) {
    super(
      `Cannot take the lock: context ${owner} held it for ${milliseconds} ms, and this context may not block`,
    );
  }
}

/** A context asked for a lock that it holds. */
export class DeadlockError extends ArenaError {
  /**
   * Describes the failure.
   *
   * @param token The token of this context
   */
  constructor(readonly token: number) {
    super(`Cannot take the lock: context ${token} holds it already, and locks are not recursive`);
  }
}

/** A context released a lock that it does not hold. */
export class NotOwnerError extends ArenaError {
  /**
   * Describes the failure.
   *
   * @param token The token of this context
   * @param owner The token of the holder, 0 if the lock is free
   */
  constructor(readonly token: number, readonly owner: number) {
    super(
      `Cannot release the lock: context ${token} does not hold it, ${
        owner ? `context ${owner}` : "nobody"
      } does`,
    );
  }
}

/** Formats an offset for a message. */
export function formatOffset(offset: unknown): string {
  return typeof offset === "number" && Number.isInteger(offset)
    ? `0x${offset.toString(16)}`
    : String(offset);
}
