/**
 * What can go wrong with building and reading a map.
 *
 * @module
 */

/** An address or a bound as people read it. */
function hex(address: number | bigint): string {
  return typeof address === "bigint" || Number.isInteger(address)
    ? `${address < 0 ? "-" : ""}0x${(address < 0 ? -address : address).toString(16)}`
    : String(address);
}

/** A value that was to be an address is none. */
export class InvalidAddressError extends RangeError {
  /** "InvalidAddressError". */
  override name = "InvalidAddressError";

  /**
   * Made by what refuses.
   *
   * @param address What was given.
   */
  constructor(readonly address: number | bigint) {
    super(
      `Cannot use ${hex(address)} as an address: it must be an integer from 0 to 2^53 - 1 as a ` +
        `number, or to 2^64 - 1 as a bigint`,
    );
  }
}

/** A range's first address lies behind its last. */
export class InvertedRangeError extends RangeError {
  /** "InvertedRangeError". */
  override name = "InvertedRangeError";

  /**
   * Made by what refuses.
   *
   * @param first The first address.
   * @param last The last address, inclusive.
   */
  constructor(readonly first: bigint, readonly last: bigint) {
    super(
      `Cannot register [${hex(first)}, ${hex(last)}]: both bounds are inclusive, and the first ` +
        `address must not be greater than the last`,
    );
  }
}

/** A range, or its offsets in the region, run past 2^64 - 1. */
export class RangeOverflowError extends RangeError {
  /** "RangeOverflowError". */
  override name = "RangeOverflowError";

  /**
   * Made by what refuses.
   *
   * @param what Which of the two.
   * @param first Its first value.
   * @param last Its last value.
   */
  constructor(
    readonly what: "addresses" | "offsets in the region",
    readonly first: number | bigint,
    readonly last: number | bigint,
  ) {
    super(
      `Cannot register a range whose ${what} are [${hex(first)}, ${hex(last)}]: the last must be ` +
        `at most 0xffffffffffffffff`,
    );
  }
}

/** One section more than a page has bytes. */
export class TooManySectionsError extends Error {
  /** "TooManySectionsError". */
  override name = "TooManySectionsError";

  /**
   * Made by what refuses.
   *
   * @param limit How many sections a map of this page size can have.
   */
  constructor(readonly limit: number) {
    super(
      `Cannot add a section: a map has at most as many sections as a page has bytes, ${limit}, ` +
        `and all are in use`,
    );
  }
}

/** One node more than an entry's pointer can name, or than the builder was allowed. */
export class TooManyNodesError extends Error {
  /** "TooManyNodesError". */
  override name = "TooManyNodesError";

  /**
   * Made by what refuses.
   *
   * @param limit How many nodes the map can have.
   */
  constructor(readonly limit: number) {
    super(`Cannot add a node: the map has at most ${limit}, and all are in use`);
  }
}

/** A builder was used in a state that does not allow it. */
export class BuilderStateError extends Error {
  /** "BuilderStateError". */
  override name = "BuilderStateError";

  /**
   * Made by what refuses.
   *
   * @param action What was to be done.
   * @param state The builder's state.
   */
  constructor(readonly action: string, readonly state: "finished" | "failed") {
    super(
      `Cannot ${action} with a builder that ${
        state === "finished" ? "is finished" : "failed in the middle of a registration"
      }: call reset() first`,
    );
  }
}

/** A generation is not one that {@linkcode MapGenerations} draws. */
export class InvalidGenerationError extends RangeError {
  /** "InvalidGenerationError". */
  override name = "InvalidGenerationError";

  /**
   * Made by what refuses.
   *
   * @param generation What was given.
   */
  constructor(readonly generation: number) {
    super(
      `Cannot give a map the generation ${generation}: it must be an integer from 1 to 2^53 - 1`,
    );
  }
}

/** An offset at which no dispatch lies: it never was one, or it was freed. */
export class NotADispatchError extends Error {
  /** "NotADispatchError". */
  override name = "NotADispatchError";

  /**
   * Made by what refuses.
   *
   * @param offset The offset in the arena.
   */
  constructor(readonly offset: number) {
    super(
      `Cannot read a dispatch at ${hex(offset)}: no dispatch lies there (it never did, or it was ` +
        `freed)`,
    );
  }
}

/** An offset in a region that a number cannot hold exactly. */
export class OffsetPrecisionError extends RangeError {
  /** "OffsetPrecisionError". */
  override name = "OffsetPrecisionError";

  /**
   * Made by what refuses.
   *
   * @param offset The offset.
   */
  constructor(readonly offset: bigint) {
    super(
      `Cannot return ${
        hex(offset)
      } as a number: it must be at most 2^53 - 1; pass the address as ` +
        `a bigint to get a bigint`,
    );
  }
}
