/**
 * Two words that are published and loaded as one.
 *
 * @module
 */

import type { BlockAllocator, SharedMemory } from "../arena/allocator.ts";
import { RcuError } from "../errors/rcu_error.ts";
import type { ReadGuard } from "../grace_period/read_guard.ts";
import { instantiateKernel, type Kernel } from "../kernel/kernel.ts";
import { defineLayout } from "../layout/layout.ts";

/** Both halves, in the one word that the kernel loads and stores. */
const PAIR = defineLayout({ both: "u64" });

/**
 * A pair such as (root, table) that a reader must never see torn. Both halves have 32 bits, so the
 * pair is one 64-bit word in the arena, stored and loaded by one atomic access: no retry, no wait for
 * a writer, and no value that is mistaken for an older one. The protocols that load two words and
 * compare are in `rcu/explore/pairs.ts`, with what goes wrong in each.
 *
 * @example
 * ```ts
 * import { Arena, RcuDomain, RcuPair } from "@guestmem/rcu";
 * import { assertEquals } from "@std/assert";
 *
 * const arena = Arena.create({ bytes: 1 << 20 });
 * const reader = RcuDomain.create(arena).register();
 * const pair = RcuPair.create(arena, 1, 2);
 * pair.publish(3, 4);
 *
 * const guard = reader.lock();
 * assertEquals([pair.load(guard), pair.second], [3, 4]);
 * guard.unlock();
 * ```
 */
export class RcuPair {
  /** Where the pair lies; what `attach` takes. */
  readonly offset: number;
  #kernel: Kernel;
  #debug: boolean;
  #second = 0;

  private constructor(memory: SharedMemory, offset: number) {
    this.offset = offset;
    this.#kernel = instantiateKernel(memory.memory);
    this.#debug = memory.debug ?? false;
  }

  /**
   * Allocates a pair.
   *
   * @param first The first half. @param second The second.
   * @throws {ArenaExhaustedError} If the arena has no room.
   */
  static create(arena: BlockAllocator, first = 0, second = 0): RcuPair {
    const pair = new RcuPair(arena, arena.allocate(PAIR.size));
    pair.publish(first, second);
    return pair;
  }

  /**
   * The pair at `offset`.
   *
   * @param offset A multiple of 8; the pair must outlive this object.
   */
  static attach(memory: SharedMemory, offset: number): RcuPair {
    return new RcuPair(memory, offset);
  }

  /** Publishes (first, second): readers find both from now on. */
  publish(first: number, second: number): void {
    this.#kernel.pairStore(this.offset, first, second);
  }

  /**
   * Loads both halves at once.
   *
   * @param guard An open guard of the domain whose grace periods protect what the pair names.
   * @returns The first half, unsigned; the second is in `second`.
   * @throws {RcuError} `SECTION_CLOSED` in debug mode, the section is over.
   */
  load(guard: ReadGuard): number {
    if (this.#debug && !guard.open) {
      throw new RcuError("SECTION_CLOSED", { action: "load a pair" });
    }
    const first = this.#kernel.pairLoad(this.offset) >>> 0;
    this.#second = this.#kernel.pairSecond() >>> 0;
    return first;
  }

  /** The second half, unsigned, of the last `load` of this object. */
  get second(): number {
    return this.#second;
  }
}
