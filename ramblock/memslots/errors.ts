/**
 * What can go wrong with memslots. After any of these errors nothing is changed.
 *
 * @module
 */

function hex(value: number): string {
  return Number.isInteger(value) && value >= 0 ? `0x${value.toString(16)}` : String(value);
}

/** A property of a slot does not serve. */
export class InvalidSlotError extends RangeError {
  /** Says what could not be done, and why. */
  constructor(readonly what: string, readonly value: number, readonly requirement: string) {
    super(`Cannot use ${hex(value)} as ${what} of a slot: it must be ${requirement}`);
    this.name = "InvalidSlotError";
  }
}

/** Two slots would have the same gfns. */
export class SlotOverlapError extends Error {
  /** Says what could not be done, and why. */
  constructor(readonly id: number, readonly other: number, readonly gfn: number) {
    super(`Cannot commit the batch: slots ${id} and ${other} would both have gfn ${hex(gfn)}`);
    this.name = "SlotOverlapError";
  }
}

/** There would be more slots than allowed. */
export class SlotLimitError extends Error {
  /** Says what could not be done, and why. */
  constructor(readonly count: number, readonly limit: number) {
    super(`Cannot commit the batch: it would make ${count} slots, and the limit is ${limit}`);
    this.name = "SlotLimitError";
  }
}

/** No slot has this number. */
export class UnknownSlotError extends Error {
  /** Says what could not be done, and why. */
  constructor(readonly action: string, readonly id: number) {
    super(`Cannot ${action} slot ${id}: no slot has this number`);
    this.name = "UnknownSlotError";
  }
}

/** A slot of this number exists. */
export class SlotExistsError extends Error {
  /** Says what could not be done, and why. */
  constructor(readonly id: number) {
    super(`Cannot create slot ${id}: a slot of this number exists`);
    this.name = "SlotExistsError";
  }
}

/** Another batch is under way, or was committed since this one was begun. */
export class BatchConflictError extends Error {
  /** Says what could not be done, and why. */
  constructor(readonly reason: string) {
    super(`Cannot commit the batch: ${reason}`);
    this.name = "BatchConflictError";
  }
}

/** A slot keeps no dirty log. */
export class NoDirtyLogError extends Error {
  /** Says what could not be done, and why. */
  constructor(readonly id: number) {
    super(`Cannot collect the dirty log of slot ${id}: its flags do not include LOG_DIRTY`);
    this.name = "NoDirtyLogError";
  }
}

/** A section of a flat view cannot be made a slot. */
export class SlotSectionError extends Error {
  /** Says what could not be done, and why. */
  constructor(readonly address: bigint, readonly reason: string) {
    super(`Cannot map the section at 0x${address.toString(16)} as a slot: ${reason}`);
    this.name = "SlotSectionError";
  }
}
