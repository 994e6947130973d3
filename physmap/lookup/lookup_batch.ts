/**
 * Looking up many addresses at once.
 *
 * @module
 */

import type { BlockAllocator } from "@guestmem/rcu";
import { highHalf, lowHalf } from "../address/halves.ts";
import { PhysMapError } from "../errors/physmap_error.ts";
import { type Kernel, kernelOf } from "../kernel/kernel.ts";

/** Bytes of an address in a batch. The sections follow the last address. */
const ADDRESS_BYTES = 8;
/** Bytes of a section in a batch. */
const SECTION_BYTES = 4;

/**
 * A list of addresses and of the sections that have them, both in the arena, so that one call of the
 * kernel looks up all of them. The list belongs to one worker.
 *
 * @example
 * ```ts
 * import { Arena } from "@guestmem/rcu";
 * import { LookupBatch, MapGenerations, PhysMap, PhysMapReader } from "@guestmem/physmap";
 * import { assert } from "@std/assert";
 *
 * const arena = Arena.create({ bytes: 1 << 20 });
 * const map = new PhysMap(arena, MapGenerations.create(arena), { pageBits: 12 });
 * const edit = map.edit();
 * edit.map(0, 0xfff, 0, 1);
 * const dispatch = edit.finish();
 *
 * const batch = LookupBatch.create(arena, 16);
 * batch.setAddress(0, 0x123);
 * batch.setAddress(1, 0xffff_0000_0000_0000n);
 * batch.lookup(dispatch, 2);
 * const reader = new PhysMapReader(arena);
 * assert(reader.region(batch.sections[0]!) === 1);
 * assert(reader.region(batch.sections[1]!) === 0);
 * batch.free();
 * ```
 */
export class LookupBatch {
  /** How many addresses fit. */
  readonly capacity: number;
  /** The addresses, two words each, the low half first; may be written directly. */
  readonly addresses: Uint32Array;
  /** After {@linkcode lookup}: the section of each address. */
  readonly sections: Uint32Array;

  readonly #allocator: BlockAllocator;
  readonly #kernel: Kernel;
  readonly #results: number;
  #block: number;

  private constructor(allocator: BlockAllocator, capacity: number) {
    this.#allocator = allocator;
    this.#kernel = kernelOf(allocator.memory);
    this.#block = allocator.allocate(capacity * (ADDRESS_BYTES + SECTION_BYTES));
    this.#results = this.#block + capacity * ADDRESS_BYTES;
    this.capacity = capacity;
    const { buffer } = allocator.u32;
    this.addresses = new Uint32Array(buffer, this.#block, capacity * 2);
    this.sections = new Uint32Array(buffer, this.#results, capacity);
  }

  /**
   * Allocates an empty list.
   *
   * @param allocator The arena in which the dispatches lie.
   * @param capacity How many addresses it has room for, at least 1.
   * @returns The list, to be freed with {@linkcode free}.
   * @throws {RangeError} If the capacity is not a positive integer.
   */
  static create(allocator: BlockAllocator, capacity: number): LookupBatch {
    if (!Number.isSafeInteger(capacity) || capacity < 1) {
      throw new RangeError(
        `Cannot create a batch of ${capacity} addresses: the capacity must be a positive integer`,
      );
    }
    return new LookupBatch(allocator, capacity);
  }

  /**
   * Sets an address.
   *
   * @param index Its index, 0 to `capacity - 1`.
   * @param address The address.
   * @throws {PhysMapError} INVALID_ADDRESS.
   * @throws {RangeError} If the index is out of range.
   */
  setAddress(index: number, address: number | bigint): void {
    if (!(index >= 0 && index < this.capacity)) {
      throw new RangeError(
        `Cannot set address ${index}: the batch has indices 0 to ${this.capacity - 1}`,
      );
    }
    const high = highHalf(address);
    this.addresses[index * 2] = lowHalf(address);
    this.addresses[index * 2 + 1] = high;
  }

  /**
   * Looks up the first `count` addresses. To be called within the read-side section in which the
   * dispatch was dereferenced; the sections are valid until it ends.
   *
   * @param dispatch The dispatch's offset in the arena.
   * @param count How many addresses, at most `capacity`.
   * @throws {PhysMapError} NOT_A_DISPATCH if no dispatch lies at that offset.
   * @throws {RangeError} If `count` is out of range, or the list was freed.
   */
  lookup(dispatch: number, count: number): void {
    if (!(Number.isInteger(count) && count >= 0 && count <= this.capacity) || this.#block === 0) {
      throw new RangeError(
        `Cannot look up ${count} addresses: the batch ` +
          (this.#block === 0 ? "was freed" : `has room for ${this.capacity}`),
      );
    }
    const isDispatch = this.#kernel.findAll(dispatch, this.#block, this.#results, count);
    if (!isDispatch) throw new PhysMapError("NOT_A_DISPATCH", { offset: dispatch });
  }

  /** Frees the list, which no other worker can see. A second call does nothing. */
  free(): void {
    if (this.#block !== 0) this.#allocator.free(this.#block);
    this.#block = 0;
  }
}
