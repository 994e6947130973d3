/** Errors of address spaces and their publication. */

/** A topology without an arena was asked to publish something. */
export class NotPublishingError extends Error {
  /** The name of the class. */
  override name = "NotPublishingError";

  /** Builds the message from the action. */
  constructor(action: string) {
    super(`Cannot ${action}: the topology was created without an arena`);
  }
}

/** An address space that cannot be destroyed now, or was destroyed before. Nothing was changed. */
export class AddressSpaceStateError extends Error {
  /** The name of the class. */
  override name = "AddressSpaceStateError";
  /** Name of the address space. */
  readonly addressSpace: string;

  /** Builds the message from the action, the name and the reason. */
  constructor(action: string, name: string, reason: string) {
    super(`Cannot ${action} address space "${name}": ${reason}`);
    this.addressSpace = name;
  }
}

/** Listeners that threw. The commit was completed all the same: the views are published. */
export class ListenerError extends AggregateError {
  /** The name of the class. */
  override name = "ListenerError";

  /** Builds the message from the errors. */
  constructor(errors: readonly unknown[]) {
    super(errors, `${errors.length} listener calls failed; the commit is complete nevertheless`);
  }
}

/** A handle that names no address space of this arena. */
export class ForeignAddressSpaceError extends Error {
  /** The name of the class. */
  override name = "ForeignAddressSpaceError";
}
