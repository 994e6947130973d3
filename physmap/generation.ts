/**
 * Generations: numbers that tell two maps apart even if the second lies where the first did.
 *
 * @module
 */

import type { BlockAllocator } from "@guestmem/rcu";

/** Bytes of the counter's block. */
const COUNTER_BYTES = 16;

/**
 * The counter that the generations of all maps of one arena are drawn from, shared by every context
 * that builds maps there. It counts to 2^53 and so does not wrap: a million maps a second would take
 * 285 years.
 *
 * @example
 * ```ts
 * import { Arena } from "@guestmem/rcu";
 * import { MapGenerations } from "@guestmem/physmap";
 * import { assert } from "@std/assert";
 *
 * const arena = Arena.create({ bytes: 1 << 16 });
 * const here = MapGenerations.create(arena);
 * const elsewhere = MapGenerations.attach(arena, here.offset); // in another worker
 * assert(here.next() !== elsewhere.next());
 * ```
 */
export class MapGenerations {
  /** Where the counter lies in the arena; what another context attaches to. */
  readonly offset: number;
  readonly #counter: BigInt64Array;

  private constructor(allocator: BlockAllocator, offset: number) {
    this.offset = offset;
    this.#counter = new BigInt64Array(allocator.u32.buffer, offset, 1);
  }

  /** Allocates the arena's counter. There is to be one: readers compare generations, not counters. */
  static create(allocator: BlockAllocator): MapGenerations {
    return new MapGenerations(allocator, allocator.allocate(COUNTER_BYTES));
  }

  /** Attaches to the counter that another context created. */
  static attach(allocator: BlockAllocator, offset: number): MapGenerations {
    return new MapGenerations(allocator, offset);
  }

  /** Draws a generation, from 1 on, that no other call in any context gets. */
  next(): number {
    return Number(Atomics.add(this.#counter, 0, 1n)) + 1;
  }
}
