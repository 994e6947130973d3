/**
 * The bitmap of block starts: it distinguishes the start of a block from an offset inside one, and
 * finds the block that covers an address.
 *
 * @module
 */

import type { ArenaGeometry } from "./header.ts";
import type { Store } from "./store.ts";

/** One bit for each 16 bytes of the arena. Writers hold the arena's lock. */
export class BlockStarts {
  readonly #store: Store;
  readonly #u32: Uint32Array;
  readonly #base: number;
  readonly #geometry: ArenaGeometry;

  /**
   * @param store Where the arena lies.
   * @param geometry Where its parts lie.
   */
  constructor(store: Store, geometry: ArenaGeometry) {
    this.#store = store;
    this.#u32 = store.u32;
    this.#base = geometry.bitmapAt / 4;
    this.#geometry = geometry;
  }

  /** Marks the block whose header starts at byte `block`. */
  set(block: number): void {
    const index = this.#base + (block >>> 9);
    this.#store.put(index, (this.#u32[index]! | (1 << ((block >>> 4) & 31))) >>> 0);
  }

  /** Clears the mark. */
  clear(block: number): void {
    const index = this.#base + (block >>> 9);
    this.#store.put(index, (this.#u32[index]! & ~(1 << ((block >>> 4) & 31))) >>> 0);
  }

  /** Whether a block's header starts at byte `block`. */
  has(block: number): boolean {
    return ((this.#u32[this.#base + (block >>> 9)]! >>> ((block >>> 4) & 31)) & 1) !== 0;
  }

  /** Header of the block that covers byte `offset` of the heap; searches backwards over the map. */
  covering(offset: number): number {
    let word = offset >>> 9;
    let bits = this.#u32[this.#base + word]! & (0xffffffff >>> (31 - ((offset >>> 4) & 31)));
    while (bits === 0) bits = this.#u32[this.#base + --word]!;
    return (word * 512 + (31 - Math.clz32(bits)) * 16) >>> 0;
  }

  /** Clears every mark; does not write words that are 0, so that pages never used stay uncommitted. */
  reset(): void {
    const end = this.#geometry.heapEnd / 512;
    for (let word = 0; word < end; word++) {
      if (this.#u32[this.#base + word] !== 0) this.#store.put(this.#base + word, 0);
    }
  }
}
