/**
 * A pointer to an arena block, published by one context and dereferenced by any.
 *
 * @module
 */

import type { BlockAllocator, SharedMemory } from "../arena/allocator.ts";
import { RcuError } from "../errors/rcu_error.ts";
import type { ReadGuard } from "../grace_period/read_guard.ts";
import { instantiateKernel, type Kernel } from "../kernel/kernel.ts";

/**
 * One 32-bit cell in the arena that holds the offset of a block, or 0. A reader that dereferences it
 * inside a section sees the block initialised as it was before `publish`, and may use it until the
 * section ends, provided that the block is freed only after a grace period.
 *
 * @example
 * ```ts
 * import { Arena, RcuDomain, RcuPointer } from "@guestmem/rcu";
 * import { assertEquals } from "@std/assert";
 *
 * const arena = Arena.create({ bytes: 1 << 20 });
 * const domain = RcuDomain.create(arena);
 * const reader = domain.register();
 * const block = arena.allocate(16);
 * arena.u32[block / 4] = 42;
 * const pointer = RcuPointer.create(arena, block);
 *
 * const guard = reader.lock();
 * assertEquals(arena.u32[pointer.dereference(guard) / 4], 42);
 * guard.unlock();
 *
 * domain.deferFree(pointer.exchange(0)); // freed when no section can still see it
 * ```
 */
export class RcuPointer {
  /** Where the cell lies; what `attach` takes. */
  readonly offset: number;
  #kernel: Kernel;
  #debug: boolean;

  private constructor(memory: SharedMemory, offset: number) {
    this.offset = offset;
    this.#kernel = instantiateKernel(memory.memory);
    this.#debug = memory.debug ?? false;
  }

  /**
   * Allocates a cell.
   *
   * @param initial What it points at first.
   * @throws {ArenaExhaustedError} If the arena has no room.
   */
  static create(arena: BlockAllocator, initial = 0): RcuPointer {
    const pointer = new RcuPointer(arena, arena.allocate(4));
    pointer.publish(initial);
    return pointer;
  }

  /**
   * The cell at `offset`: one that `create` made, or a word of another structure in the arena.
   *
   * @param offset A multiple of 4; the cell must outlive this object.
   */
  static attach(memory: SharedMemory, offset: number): RcuPointer {
    return new RcuPointer(memory, offset);
  }

  /** Publishes `block`: readers find it from now on. Its content must be complete before. */
  publish(block: number): void {
    this.#kernel.store32(this.offset, block);
  }

  /** Publishes `block` and returns what the cell pointed at, for `deferFree`. */
  exchange(block: number): number {
    return this.#kernel.exchange32(this.offset, block) >>> 0;
  }

  /**
   * The block that the cell points at, or 0.
   *
   * @param guard An open guard of the domain whose grace periods protect the block.
   * @returns An offset that is valid until the outermost section ends.
   * @throws {RcuError} `SECTION_CLOSED` in debug mode, the section is over.
   */
  dereference(guard: ReadGuard): number {
    if (this.#debug && !guard.open) {
      throw new RcuError("SECTION_CLOSED", { action: "dereference a pointer" });
    }
    return this.#kernel.load32(this.offset) >>> 0;
  }
}
