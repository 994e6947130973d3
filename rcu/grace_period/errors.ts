/**
 * What can go wrong with domains, readers and grace periods.
 *
 * @module
 */

/** A reader cannot be registered: every slot of the domain is taken. */
export class ReaderLimitError extends Error {
  /**
   * Describes the failure.
   *
   * @param limit How many readers the domain was created for.
   * @param evicted How many of its slots rest after an eviction.
   */
  constructor(readonly limit: number, readonly evicted: number) {
    super(
      `Cannot register a reader: the domain was created for ${limit} readers and all slots are ` +
        `taken (${evicted} of them evicted and not yet released by their workers)`,
    );
    this.name = "ReaderLimitError";
  }
}

/** This context has a reader in this domain already. */
export class AlreadyRegisteredError extends Error {
  /**
   * Describes the failure.
   *
   * @param label The label of the reader that is registered.
   */
  constructor(readonly label: string) {
    super(`Cannot register a second reader in this context: "${label}" is registered already`);
    this.name = "AlreadyRegisteredError";
  }
}

/** A section was left that is not open, or not the innermost. */
export class SectionOrderError extends Error {
  /**
   * Describes the failure.
   *
   * @param depth Nesting depth of the section that was to be left (the outermost is 1).
   * @param open How many sections are open.
   */
  constructor(readonly depth: number, readonly open: number) {
    super(
      `Cannot leave the read-side section of depth ${depth}: sections are left innermost first ` +
        `and once each, and ${open} are open`,
    );
    this.name = "SectionOrderError";
  }
}

/** A guard was used after its section (found in debug mode). */
export class SectionClosedError extends Error {
  /**
   * Describes the failure.
   *
   * @param action What was to be done under the guard.
   */
  constructor(readonly action: string) {
    super(`Cannot ${action}: the read-side section of this guard is over`);
    this.name = "SectionClosedError";
  }
}

/** A section was still open when the turn of the event loop that opened it ended (debug mode). */
export class SectionLeakError extends Error {
  /**
   * Describes the failure.
   *
   * @param label The reader's label.
   */
  constructor(readonly label: string) {
    super(
      `Reader "${label}" left a read-side section open at the end of its turn of the event loop: ` +
        `an RCU section must not span an await (use Srcu for that)`,
    );
    this.name = "SectionLeakError";
  }
}

/** A context that is inside a read-side section tried to wait for another context. */
export class WaitInSectionError extends Error {
  /**
   * Describes the failure.
   *
   * @param action What it tried to do.
   * @param label The reader whose section is open.
   */
  constructor(readonly action: string, readonly label: string) {
    super(
      `Cannot ${action}: reader "${label}" of this context is inside a read-side section, and ` +
        `what it waits for may be waiting for that section to end`,
    );
    this.name = "WaitInSectionError";
  }
}

/** A reader's call does not fit its state (offline, inside a section, unregistered). */
export class ReaderStateError extends Error {
  /**
   * Describes the failure.
   *
   * @param action What was to be done.
   * @param state The state that forbids it.
   */
  constructor(readonly action: string, readonly state: string) {
    super(`Cannot ${action}: the reader is ${state}`);
    this.name = "ReaderStateError";
  }
}

/** More work is deferred than the domain's budget allows, and this context cannot wait here. */
export class DeferredBudgetError extends Error {
  /**
   * Describes the failure.
   *
   * @param what What was to be deferred.
   * @param count How many blocks or functions wait.
   * @param bytes How many bytes wait.
   * @param reason Why the caller could not be made to wait.
   */
  constructor(
    readonly what: string,
    readonly count: number,
    readonly bytes: number,
    readonly reason: string,
  ) {
    super(
      `Cannot defer ${what}: ${count} (${bytes} bytes) wait for a grace period already, which is ` +
        `the domain's budget, and the caller cannot wait for one here because ${reason}`,
    );
    this.name = "DeferredBudgetError";
  }
}

/** An offset or a handle does not name a domain of the expected kind. */
export class ForeignDomainError extends Error {
  /**
   * Describes the failure.
   *
   * @param offset The offset.
   * @param expected The expected kind.
   * @param reason What is wrong.
   */
  constructor(readonly offset: number, readonly expected: string, readonly reason: string) {
    super(`Cannot attach to ${expected} at offset ${offset}: ${reason}`);
    this.name = "ForeignDomainError";
  }
}

/** A domain cannot be destroyed yet. */
export class DomainBusyError extends Error {
  /**
   * Describes the failure.
   *
   * @param readers How many readers are registered.
   * @param blocks How many blocks wait for a grace period.
   * @param functions How many functions of this context do.
   */
  constructor(readonly readers: number, readonly blocks: number, readonly functions: number) {
    super(
      `Cannot destroy the domain: nothing may use it, but ${readers} readers are registered, and ` +
        `${blocks} blocks and ${functions} functions wait for a grace period`,
    );
    this.name = "DomainBusyError";
  }
}

/** This context must not block, and what it waits for did not come about while it spun. */
export class BlockingForbiddenError extends Error {
  /**
   * Describes the failure.
   *
   * @param action What it tried to do.
   */
  constructor(readonly action: string) {
    super(
      `Cannot ${action} by blocking: this context must not block (a browser's main thread must ` +
        `not), and a bounded spin was not enough; use the asynchronous form`,
    );
    this.name = "BlockingForbiddenError";
  }
}
