/**
 * Generations: numbers that distinguish two maps even if the second lies where the first did.
 *
 * @module
 */

import type { BlockAllocator, SharedMemory } from "@guestmem/rcu";
import { defineLayout } from "@guestmem/rcu/layout";

/** The counter that all contexts draw from. */
const COUNTER = defineLayout({
  /** The generation that was drawn last. Every context, by an atomic add. */
  drawn: "u64",
});

/**
 * The counter from which the generations of all maps of one arena are drawn, shared by every context
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
  /** Where the counter lies in the arena; another context attaches with it. */
  readonly offset: number;
  readonly #drawn: BigInt64Array;

  private constructor({ u32 }: SharedMemory, offset: number) {
    this.offset = offset;
    this.#drawn = new BigInt64Array(u32.buffer, COUNTER.drawn.at(offset), 1);
  }

  /**
   * Allocates the arena's counter. An arena needs exactly one: readers compare generations of
   * different maps.
   *
   * @param allocator The arena.
   */
  static create(allocator: BlockAllocator): MapGenerations {
    return new MapGenerations(allocator, allocator.allocate(COUNTER.size, COUNTER.alignment));
  }

  /**
   * Attaches to the counter that another context created.
   *
   * @param memory The arena.
   * @param offset The counter's `offset`.
   */
  static attach(memory: SharedMemory, offset: number): MapGenerations {
    return new MapGenerations(memory, offset);
  }

  /** Draws a generation, from 1 on, that no other call in any context gets. */
  next(): number {
    return Number(Atomics.add(this.#drawn, 0, 1n)) + 1;
  }
}
