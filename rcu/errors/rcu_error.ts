/**
 * The error of this package: a code, its fields, and the message made of them. The subclasses in
 * `specific_errors.ts` are the ones that callers catch apart.
 *
 * @module
 */

import { CodedError, type Messages } from "./coded_error.ts";

/** A context as an error names it: its owner token and, while it is still known, its label. */
export interface ContextName {
  /** The owner token; 0 if no context is recorded. */
  readonly token: number;
  /** The label given at `Arena.create` or `Arena.attach`; empty once it is no longer known. */
  readonly label: string;
}

/** What is known of a block: who allocated it, who freed it. */
export interface BlockHistory {
  /** Offset of the block's first byte. */
  readonly block: number;
  /** Bytes requested at allocation. */
  readonly size: number;
  /** `"free"`, `"pending"`, `"live"`, `"deferred"`, `"quarantined"` or `"merged"`. */
  readonly state: string;
  /** Number of the allocation, counted modulo 2^32 over the arena's life. */
  readonly serial: number;
  /** Who allocated it. */
  readonly allocatedBy: ContextName;
  /** Who freed it; token 0 if nobody has. */
  readonly freedBy: ContextName;
}

/** The codes of {@linkcode RcuError}, with the fields of each. */
export interface RcuErrorDetails {
  // ---- memory ----
  /** No free block is large enough: the bytes requested, free in all, and in the largest block. */
  ARENA_EXHAUSTED: { requested: number; freeBytes: number; largestFree: number };
  /** A size, an alignment or a count is not a number that the operation accepts. */
  INVALID_SIZE: { what: string; value: unknown; requirement: string };
  /** The offset is not the start of a block of this arena. */
  INVALID_POINTER: { action: string; offset: unknown; reason: string };
  /** The block was freed or deferred before. `state` is what it is now. */
  DOUBLE_FREE: { offset: number; state: string; freedBy: ContextName };
  /** The block is a structure of the arena's, which has a `destroy` of its own. */
  MEMBER_BLOCK: { action: string; offset: number };
  /** The allocator's own words are not what it wrote. */
  ARENA_CORRUPT: { offset: number; reason: string };
  /**
   * Debug mode: a block was touched after it was freed. `access` is `"load"`, `"store"`, or
   * `"earlier store"` if the damage was found afterwards.
   */
  USE_AFTER_FREE: { access: string; offset: number; history: BlockHistory };
  /** Debug mode: a checked access lies in no block, or runs past the end of `block`. */
  OUT_OF_BLOCK: {
    access: string;
    offset: number;
    bytes: number;
    block: BlockHistory | undefined;
  };
  /** Debug mode: bytes past the end of a block were overwritten; `offset` is the first. */
  CANARY_OVERWRITTEN: { offset: number; history: BlockHistory };
  /** The host does not offer memory that workers can share. */
  SHARED_MEMORY_UNAVAILABLE: { missing: string };
  /** The host shares memory but refuses to reserve this much. */
  RESERVATION_REFUSED: { bytes: number };
  // ---- contexts and locks ----
  /** A handle or an offset does not fit what is to be attached. */
  FOREIGN_HANDLE: { what: string; field: string; expected: unknown; actual: unknown };
  /** A label has too many bytes in UTF-8. */
  LABEL_TOO_LONG: { label: string; bytes: number; limit: number };
  /** A value has been published as often as its versions can be told apart. */
  VERSION_LIMIT: { limit: number };
  /** All contexts that the arena was created for are attached. */
  CONTEXT_LIMIT: { limit: number };
  /** No other context of the arena ever had this token. */
  UNKNOWN_CONTEXT: { token: unknown };
  /** This context was expelled or evicted, or has closed its arena. */
  EVICTED: { token: number };
  /** Contexts that were to be evicted still run, as the platform says. */
  STILL_RUNNING: { contexts: readonly ContextName[] };
  /** The platform does not say whether these contexts have stopped. */
  NOT_CERTIFIED: { contexts: readonly ContextName[]; reason: string };
  /** A wait took longer than its `timeoutMs`; `holder` says who was waited for. */
  WAIT_TIMEOUT: { action: string; milliseconds: number; holder: string };
  /** A context asked for a lock that it holds. */
  DEADLOCK: { token: number };
  /** A context released a lock that it does not hold; `owner` is 0 if the lock is free. */
  NOT_LOCK_OWNER: { token: number; owner: number };
  /** `destroy` of a mutex that a context holds. */
  MUTEX_BUSY: { owner: number };
  // ---- readers and guards ----
  /** Every reader slot of the domain is taken; `expelled` of them by contexts that were expelled. */
  READER_LIMIT: { limit: number; expelled: number };
  /** This context has a reader in this domain already. */
  ALREADY_REGISTERED: { label: string };
  /** The call does not fit the reader's state: inside a section, offline or unregistered. */
  READER_STATE: { action: string; state: string };
  /** A section was left that is not open or not the innermost. The outermost has depth 1. */
  SECTION_ORDER: { depth: number; open: number };
  /** Debug mode: a guard was used after its section. */
  SECTION_CLOSED: { action: string };
  /** Debug mode: a section was still open at the end of the turn that entered it. */
  SECTION_LEAK: { label: string };
  // ---- grace periods ----
  /** A context tried to wait for another one inside a read-side section. */
  WAIT_IN_SECTION: { action: string; label: string };
  /** This context must not block, and a bounded spin was not enough. */
  BLOCKING_FORBIDDEN: { action: string };
  /** The domain's budget of deferred work is used up, and the caller cannot wait here. */
  DEFERRED_BUDGET: { what: string; count: number; bytes: number; reason: string };
  /** A number that the domain has not issued as a cookie; `newest` is the newest that it has. */
  INVALID_COOKIE: { cookie: unknown; newest: number };
  /** A handle does not name a domain of the expected kind in this arena. */
  FOREIGN_DOMAIN: { offset: number; expected: string; reason: string };
  /** `destroy` of a domain that is in use. */
  DOMAIN_BUSY: { readers: number; blocks: number; functions: number };
  // ---- data structures ----
  /** A block was to be read of a pointer that is null; the pointer's offset. */
  NULL_POINTER: { pointer: number };
  /** A list node is not where the operation needs it. */
  LIST_NODE: { action: string; node: number; reason: string };
}

const MESSAGES: Messages<RcuErrorDetails> = {
  ARENA_EXHAUSTED: ({ requested, freeBytes, largestFree }) =>
    `Cannot allocate ${requested} bytes: the largest free block holds ${largestFree} of ` +
    `${freeBytes} free bytes`,
  INVALID_SIZE: ({ what, value, requirement }) =>
    `Cannot use ${String(value)} as ${what}: it must be ${requirement}`,
  INVALID_POINTER: ({ action, offset, reason }) =>
    `Cannot ${action} ${formatOffset(offset)}: ${reason}`,
  DOUBLE_FREE: ({ offset, state, freedBy }) =>
    `Cannot free ${formatOffset(offset)}: ${formatContext(freedBy)} freed it before (now ${state})`,
  MEMBER_BLOCK: ({ action, offset }) =>
    `Cannot ${action} ${formatOffset(offset)}: a mutex, a domain or another structure that ` +
    `evictions repair lies there; destroy it instead`,
  ARENA_CORRUPT: ({ offset, reason }) =>
    `The arena is corrupt at ${formatOffset(offset)}: ${reason}`,
  USE_AFTER_FREE: ({ access, offset, history }) =>
    `Use after free: ${access} at ${formatOffset(offset)}, in ${formatBlock(history)} ` +
    `(allocation ${history.serial}), which ${formatContext(history.allocatedBy)} allocated and ` +
    `${formatContext(history.freedBy)} freed; it is ${history.state}`,
  OUT_OF_BLOCK: ({ access, offset, bytes, block }) =>
    `Cannot ${access} ${bytes} bytes at ${formatOffset(offset)}: ` +
    (block ? `block ${formatOffset(block.block)} has ${block.size} bytes` : "no block lies there"),
  CANARY_OVERWRITTEN: ({ offset, history }) =>
    `Write past the end: byte ${formatOffset(offset)} after ${formatBlock(history)}, which ` +
    `${formatContext(history.allocatedBy)} allocated, was overwritten`,
  SHARED_MEMORY_UNAVAILABLE: ({ missing }) =>
    `Cannot create a shared WebAssembly memory: ${missing}`,
  RESERVATION_REFUSED: ({ bytes }) =>
    `Cannot reserve ${bytes} bytes of shared memory: the host refused it`,
  FOREIGN_HANDLE: ({ what, field, expected, actual }) =>
    `Cannot attach ${what}: ${field} must be ${String(expected)}, but is ${String(actual)}`,
  VERSION_LIMIT: ({ limit }) =>
    `Cannot publish the value: it has had ${limit} versions, and none is used again. Create another`,
  LABEL_TOO_LONG: ({ label, bytes, limit }) =>
    `Cannot use label "${label}": it has ${bytes} bytes in UTF-8, at most ${limit} fit`,
  CONTEXT_LIMIT: ({ limit }) =>
    `Cannot attach another context: all ${limit} are in use (see the option "contexts" of ` +
    `Arena.create)`,
  UNKNOWN_CONTEXT: ({ token }) =>
    `Cannot evict context ${String(token)}: the arena has issued no such token to another context`,
  EVICTED: ({ token }) =>
    `Cannot go on in context ${token}: it was expelled from the arena, or has closed it`,
  STILL_RUNNING: ({ contexts }) =>
    `Cannot evict ${
      formatContexts(contexts)
    }: still running. Expelled: the next call there throws. ` +
    `Try again once its worker has stopped`,
  NOT_CERTIFIED: ({ contexts, reason }) =>
    `Cannot evict ${
      formatContexts(contexts)
    }: ${reason}. If you know that the worker has stopped ` +
    `(Node's "exit" event says so), pass { stopped: true }`,
  WAIT_TIMEOUT: ({ action, milliseconds, holder }) =>
    `Cannot ${action} within ${milliseconds} ms: it is held up by ${holder}`,
  DEADLOCK: ({ token }) =>
    `Cannot take the lock: context ${token} holds it already, and locks are not recursive`,
  NOT_LOCK_OWNER: ({ token, owner }) =>
    `Cannot release the lock: context ${token} does not hold it, ` +
    `${owner ? `context ${owner}` : "nobody"} does`,
  MUTEX_BUSY: ({ owner }) => `Cannot destroy the mutex: context ${owner} holds it`,
  READER_LIMIT: ({ limit, expelled }) =>
    `Cannot register a reader: the domain was created for ${limit} readers and all slots are ` +
    `taken (${expelled} of them by contexts that were expelled and are not evicted yet)`,
  ALREADY_REGISTERED: ({ label }) =>
    `Cannot register a second reader in this context: "${label}" is registered already`,
  READER_STATE: ({ action, state }) => `Cannot ${action}: the reader is ${state}`,
  SECTION_ORDER: ({ depth, open }) =>
    `Cannot leave the read-side section of depth ${depth}: sections are left innermost first ` +
    `and once each, and ${open} are open`,
  SECTION_CLOSED: ({ action }) => `Cannot ${action}: the read-side section of this guard is over`,
  SECTION_LEAK: ({ label }) =>
    `Reader "${label}" left a read-side section open at the end of its turn of the event loop: ` +
    `an RCU section must not span an await (use Srcu for that)`,
  WAIT_IN_SECTION: ({ action, label }) =>
    `Cannot ${action}: reader "${label}" of this context is inside a read-side section, and ` +
    `what it waits for may be waiting for that section to end`,
  BLOCKING_FORBIDDEN: ({ action }) =>
    `Cannot ${action} by blocking: this context must not block (a browser's main thread must ` +
    `not), and a bounded spin was not enough; use the asynchronous form`,
  DEFERRED_BUDGET: ({ what, count, bytes, reason }) =>
    `Cannot defer ${what}: ${count} (${bytes} bytes) wait for a grace period already, which is ` +
    `the domain's budget, and the caller cannot wait for one here because ${reason}`,
  INVALID_COOKIE: ({ cookie, newest }) =>
    `Cannot poll cookie ${String(cookie)}: this domain has not issued it (the newest is ${newest})`,
  FOREIGN_DOMAIN: ({ offset, expected, reason }) =>
    `Cannot attach to ${expected} at offset ${offset}: ${reason}`,
  DOMAIN_BUSY: ({ readers, blocks, functions }) =>
    `Cannot destroy the domain: nothing may use it, but ${readers} readers are registered, and ` +
    `${blocks} blocks and ${functions} functions wait for a grace period`,
  NULL_POINTER: ({ pointer }) =>
    `Cannot read by the pointer at ${formatOffset(pointer)}: it is null`,
  LIST_NODE: ({ action, node, reason }) => `Cannot ${action} node ${node}: ${reason}`,
};

/**
 * What this package throws. `code` says what went wrong and `details` with what. Unless the message
 * says otherwise, the call that threw has changed nothing.
 *
 * @example
 * ```ts
 * import { Arena, RcuError } from "@guestmem/rcu";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * const arena = Arena.create({ bytes: 1 << 20 });
 * const block = arena.allocate(64);
 * arena.free(block);
 * const error = assertThrows(() => arena.free(block), RcuError);
 * assertEquals(error.code, "DOUBLE_FREE");
 * ```
 */
export class RcuError<Code extends keyof RcuErrorDetails = keyof RcuErrorDetails>
  extends CodedError<RcuErrorDetails, Code> {
  static {
    this.prototype.name = "RcuError";
  }

  /**
   * Creates the error.
   *
   * @param code What went wrong.
   * @param details The fields that belong to the code.
   * @param options The error that caused this one, as `cause`.
   */
  constructor(code: Code, details: RcuErrorDetails[Code], options?: ErrorOptions) {
    super(MESSAGES, code, details, options);
  }
}

function formatContext(context: ContextName): string {
  if (context.token === 0) return "nobody";
  return context.label === ""
    ? `context ${context.token}`
    : `"${context.label}" (context ${context.token})`;
}

function formatContexts(contexts: readonly ContextName[]): string {
  return contexts.length === 0 ? "dead contexts" : contexts.map(formatContext).join(", ");
}

function formatBlock(history: BlockHistory): string {
  return `block ${formatOffset(history.block)} of ${history.size} bytes`;
}

function formatOffset(offset: unknown): string {
  return typeof offset === "number" && Number.isInteger(offset)
    ? `0x${offset.toString(16)}`
    : String(offset);
}
