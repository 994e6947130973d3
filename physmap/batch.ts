/**
 * Looking many addresses up at once.
 *
 * @module
 */

import type { BlockAllocator } from "@guestmem/rcu";
import { highHalf, lowHalf } from "./_halves.ts";
import { NotADispatchError } from "./errors.ts";
import { type Kernel, kernelOf } from "./kernel/kernel.ts";

/**
 * A list of addresses and the sections that have them, both in the arena: one call of the kernel
 * fills in all sections, with no call for each address. The list belongs to one worker.
 *
 * @example
 * ```ts
 * import { Arena } from "@guestmem/rcu";
 * import { LookupBatch, PhysMapBuilder, PhysMapReader } from "@guestmem/physmap";
 * import { assert } from "@std/assert";
 *
 * const arena = Arena.create({ bytes: 1 << 20 });
 * const builder = new PhysMapBuilder({ pageBits: 12 });
 * builder.add(0, 0xfff, 0, 1);
 * const dispatch = builder.finish(arena, 1);
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
  /** After {@linkcode lookup}: the section of each address, subpages resolved. */
  readonly sections: Uint32Array;

  readonly #allocator: BlockAllocator;
  readonly #kernel: Kernel;
  #block: number;

  private constructor(allocator: BlockAllocator, capacity: number) {
    this.#allocator = allocator;
    this.#kernel = kernelOf(allocator.memory);
    this.#block = allocator.allocate(capacity * 12);
    this.capacity = capacity;
    const at = this.#block >>> 2;
    this.addresses = allocator.u32.subarray(at, at + capacity * 2);
    this.sections = allocator.u32.subarray(at + capacity * 2, at + capacity * 3);
  }

  /**
   * Allocates an empty list.
   *
   * @param allocator The arena in which the dispatches lie, too.
   * @param capacity How many addresses are to fit, at least 1.
   * @returns The list; {@linkcode free} it.
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
   * @param index Its place, 0 to `capacity - 1`.
   * @param address The address.
   * @throws {InvalidAddressError} If the address is not an integer in range.
   * @throws {RangeError} If there is no such place.
   */
  setAddress(index: number, address: number | bigint): void {
    if (!(index >= 0 && index < this.capacity)) {
      throw new RangeError(
        `Cannot set address ${index}: the batch has places 0 to ${this.capacity - 1}`,
      );
    }
    const high = highHalf(address);
    this.addresses[index * 2] = lowHalf(address);
    this.addresses[index * 2 + 1] = high;
  }

  /**
   * Looks the first `count` addresses up. Called within the read-side section in which the dispatch
   * was dereferenced; the sections are good until it ends.
   *
   * @param dispatch The dispatch's offset in the arena.
   * @param count How many addresses, at most `capacity`.
   * @throws {NotADispatchError} If no dispatch lies at that offset.
   * @throws {RangeError} If `count` is out of range, or the list was freed.
   */
  lookup(dispatch: number, count: number): void {
    if (!(Number.isInteger(count) && count >= 0 && count <= this.capacity) || this.#block === 0) {
      throw new RangeError(
        `Cannot look ${count} addresses up: the batch ` +
          (this.#block === 0 ? "was freed" : `has room for ${this.capacity}`),
      );
    }
    const results = this.#block + this.capacity * 8;
    const isDispatch = this.#kernel.findAll(dispatch, this.#block, results, count);
    if (!isDispatch) throw new NotADispatchError(dispatch);
  }

  /** Frees the list. Nobody else can see it, so no grace period is needed. Twice is once. */
  free(): void {
    if (this.#block !== 0) this.#allocator.free(this.#block);
    this.#block = 0;
  }
}
