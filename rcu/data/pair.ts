/**
 * Two words that are published and loaded as one.
 *
 * @module
 */

import type { Arena } from "../arena/arena.ts";
import type { ReadGuard } from "../domain/section.ts";
import { RcuError } from "../errors/rcu_error.ts";
import type { Kernel } from "../kernel/kernel.ts";

/**
 * A pair such as (root, table) that a reader must never see torn. Both halves have 32 bits, so the
 * pair is one 64-bit word in the arena, stored and loaded by one atomic access: no retry, no wait for
 * a writer, and no value that is mistaken for an older one. The protocols that load two words and
 * compare are in `rcu/model/pairs.ts`, with what goes wrong in each.
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
 * const section = reader.lock();
 * assertEquals([pair.load(section), pair.second], [3, 4]);
 * section.unlock();
 * ```
 */
export class RcuPair {
  /** Where the pair lies; what `attach` takes. */
  readonly offset: number;
  #kernel: Kernel;
  #debug: boolean;
  #second = 0;

  private constructor(arena: Arena, offset: number) {
    this.offset = offset;
    this.#kernel = arena.kernel;
    this.#debug = arena.debug;
  }

  /**
   * Allocates a pair.
   *
   * @param first The first half. @param second The second.
   * @throws {ArenaExhaustedError} If the arena has no room.
   */
  static create(arena: Arena, first = 0, second = 0): RcuPair {
    const pair = new RcuPair(arena, arena.allocate(8));
    pair.publish(first, second);
    return pair;
  }

  /**
   * The pair at `offset`.
   *
   * @param offset A multiple of 8; the pair must outlive this object.
   */
  static attach(arena: Arena, offset: number): RcuPair {
    return new RcuPair(arena, offset);
  }

  /** Makes (first, second) what readers find from now on. */
  publish(first: number, second: number): void {
    this.#kernel.pairStore(this.offset, first, second);
  }

  /**
   * Loads both halves at once.
   *
   * @param section An open section of the domain whose grace periods protect what the pair names.
   * @returns The first half, unsigned; the second is in `second`.
   * @throws {RcuError} `SECTION_CLOSED`: in debug mode, if the section is over.
   */
  load(section: ReadGuard): number {
    if (this.#debug && !section.open) {
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
