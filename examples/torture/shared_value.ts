/**
 * The value that an updater publishes beside its elements, and that readers keep decoded.
 *
 * @module
 */

import { type BlockAllocator, RcuValue, type ReadLock, type ValueCodec } from "@guestmem/rcu";

/** One version of the value. */
interface Published {
  readonly version: number;
  /** As long as the version modulo this many characters says. */
  readonly filler: string;
}

const FILLER = 50;

/** The value of version `version`. */
export function publishedOf(version: number): Published {
  return { version, filler: "v".repeat(version % FILLER) };
}

/** Creates the value of a cell. @returns Its offset. */
export function createValue(arena: BlockAllocator, version: number): number {
  return RcuValue.create(arena, publishedOf(version)).offset;
}

/** Attaches the value of a cell, to publish it. */
export function attachValue(arena: BlockAllocator, offset: number): RcuValue<Published> {
  return RcuValue.attach(arena, offset);
}

/** Reads the value of a cell and judges what it finds. */
export class ValueWatcher {
  readonly #value: RcuValue<Published>;

  /** @param isStale The planted bug: every second version is decoded as the one before. */
  constructor(arena: BlockAllocator, offset: number, isStale: boolean) {
    this.#value = isStale
      ? RcuValue.attach(arena, offset, new StaleCodec())
      : RcuValue.attach(arena, offset);
  }

  /**
   * Reads the value.
   *
   * @param floor A version that had been published before the call.
   * @returns What is wrong with the value, or undefined.
   */
  flaw(reader: ReadLock, floor: number): string | undefined {
    const { version, filler } = this.#value.read(reader);
    if (filler.length !== version % FILLER) return `torn version ${version}`;
    // Versions wrap around in a run of hours.
    return ((version - floor) | 0) < 0 ? `version ${version} after ${floor}` : undefined;
  }
}

class StaleCodec implements ValueCodec<Published> {
  #kept: Published | undefined;

  encode(): Uint8Array {
    throw new Error("A reader publishes nothing");
  }

  decode(bytes: Uint8Array): Published {
    if (this.#kept !== undefined) {
      const kept = this.#kept;
      this.#kept = undefined;
      return kept;
    }
    return this.#kept = JSON.parse(new TextDecoder().decode(bytes));
  }
}
