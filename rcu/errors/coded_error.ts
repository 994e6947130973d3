/**
 * The base of every package's error class: a `code` says what went wrong, `details` with what.
 *
 * @module
 */

/** The message of each code, made from its details. */
export type Messages<Details> = {
  readonly [Code in keyof Details]: (details: Details[Code]) => string;
};

/**
 * Base of the packages' errors. A package derives one class from it, with an interface that names each
 * code's fields; and from that class the few that callers catch apart.
 *
 * @example
 * ```ts
 * import { CodedError, type Messages } from "@guestmem/rcu/internal";
 * import { assertEquals } from "@std/assert";
 *
 * interface Details {
 *   RING_FULL: { entries: number };
 * }
 * const MESSAGES: Messages<Details> = {
 *   RING_FULL: ({ entries }) => `Cannot add to the ring: all ${entries} entries are taken`,
 * };
 * class RingError<Code extends keyof Details> extends CodedError<Details, Code> {
 *   static {
 *     this.prototype.name = "RingError";
 *   }
 *   constructor(code: Code, details: Details[Code], options?: ErrorOptions) {
 *     super(MESSAGES, code, details, options);
 *   }
 * }
 *
 * const error = new RingError("RING_FULL", { entries: 8 });
 * assertEquals(`${error}`, "RingError: Cannot add to the ring: all 8 entries are taken");
 * assertEquals([error.code, error.details.entries], ["RING_FULL", 8]);
 * ```
 */
export abstract class CodedError<Details, Code extends keyof Details> extends Error {
  /** What went wrong. */
  readonly code: Code;
  /** The fields that belong to the code. */
  readonly details: Readonly<Details[Code]>;

  /**
   * Creates the error.
   *
   * @param messages The package's messages.
   * @param code What went wrong.
   * @param details The fields that belong to the code.
   * @param options The error that caused this one, as `cause`.
   */
  constructor(
    messages: Messages<Details>,
    code: Code,
    details: Details[Code],
    options?: ErrorOptions,
  ) {
    super(messages[code](details), options);
    this.code = code;
    this.details = details;
  }

  /**
   * Whether the error has a certain code; if so, its details have that code's type.
   *
   * @param code The code.
   */
  hasCode<Expected extends keyof Details>(
    code: Expected,
  ): this is this & { readonly code: Expected; readonly details: Readonly<Details[Expected]> } {
    return (this.code as keyof Details) === code;
  }
}
