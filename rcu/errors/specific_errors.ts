/**
 * The errors that callers catch apart from the rest of the package's, each with what they do then.
 *
 * @module
 */

import { RcuError, type RcuErrorDetails } from "./rcu_error.ts";

/** No free block is large enough. A caller can free memory and try again. */
export class ArenaExhaustedError extends RcuError<"ARENA_EXHAUSTED"> {
  static {
    this.prototype.name = "ArenaExhaustedError";
  }

  /**
   * Creates the error.
   *
   * @param details The fields that belong to the code.
   * @param options The error that caused this one, as `cause`.
   */
  constructor(details: RcuErrorDetails["ARENA_EXHAUSTED"], options?: ErrorOptions) {
    super("ARENA_EXHAUSTED", details, options);
  }
}

/** Debug mode: a block was touched after it was freed. */
export class UseAfterFreeError extends RcuError<"USE_AFTER_FREE"> {
  static {
    this.prototype.name = "UseAfterFreeError";
  }

  /**
   * Creates the error.
   *
   * @param details The fields that belong to the code.
   * @param options The error that caused this one, as `cause`.
   */
  constructor(details: RcuErrorDetails["USE_AFTER_FREE"], options?: ErrorOptions) {
    super("USE_AFTER_FREE", details, options);
  }
}

/** This context was expelled, or has closed its arena. Its worker stops, or attaches anew. */
export class EvictedError extends RcuError<"EVICTED"> {
  static {
    this.prototype.name = "EvictedError";
  }

  /**
   * Creates the error.
   *
   * @param details The fields that belong to the code.
   * @param options The error that caused this one, as `cause`.
   */
  constructor(details: RcuErrorDetails["EVICTED"], options?: ErrorOptions) {
    super("EVICTED", details, options);
  }
}

/** A context tried to wait for another one inside a read-side section. It leaves the section first. */
export class WaitInSectionError extends RcuError<"WAIT_IN_SECTION"> {
  static {
    this.prototype.name = "WaitInSectionError";
  }

  /**
   * Creates the error.
   *
   * @param details The fields that belong to the code.
   * @param options The error that caused this one, as `cause`.
   */
  constructor(details: RcuErrorDetails["WAIT_IN_SECTION"], options?: ErrorOptions) {
    super("WAIT_IN_SECTION", details, options);
  }
}

/** This context must not block. The asynchronous form of the call works here. */
export class BlockingForbiddenError extends RcuError<"BLOCKING_FORBIDDEN"> {
  static {
    this.prototype.name = "BlockingForbiddenError";
  }

  /**
   * Creates the error.
   *
   * @param details The fields that belong to the code.
   * @param options The error that caused this one, as `cause`.
   */
  constructor(details: RcuErrorDetails["BLOCKING_FORBIDDEN"], options?: ErrorOptions) {
    super("BLOCKING_FORBIDDEN", details, options);
  }
}

/** The domain's budget of deferred work is used up. A caller can leave its section and wait. */
export class DeferredBudgetError extends RcuError<"DEFERRED_BUDGET"> {
  static {
    this.prototype.name = "DeferredBudgetError";
  }

  /**
   * Creates the error.
   *
   * @param details The fields that belong to the code.
   * @param options The error that caused this one, as `cause`.
   */
  constructor(details: RcuErrorDetails["DEFERRED_BUDGET"], options?: ErrorOptions) {
    super("DEFERRED_BUDGET", details, options);
  }
}
