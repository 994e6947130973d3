/**
 * A copy of dirty bits.
 *
 * @module
 */

import type { BlockAllocator } from "@guestmem/rcu";

/**
 * The dirty bits of a range of pages, which were cleared when it was taken. It is a copy in ordinary
 * memory, and belongs to the caller.
 */
export class DirtySnapshot {
  /** Number of the first page. */
  readonly first: number;
  /** How many pages. */
  readonly count: number;
  readonly #words: Uint32Array;

  /**
   * Wraps copied bits.
   *
   * @param first Number of the first page.
   * @param count How many pages.
   * @param words Their bits.
   */
  constructor(first: number, count: number, words: Uint32Array) {
    this.first = first;
    this.count = count;
    this.#words = words;
  }

  /** Whether a page was dirty. Pages outside the snapshot were not. */
  has(page: number): boolean {
    const bit = page - this.first;
    if (!(bit >= 0 && bit < this.count)) return false;
    return ((this.#words[Math.floor(bit / 32)]! >>> (bit % 32)) & 1) === 1;
  }

  /** How many pages were dirty. */
  get size(): number {
    let size = 0;
    for (let word of this.#words) {
      for (; word !== 0; word &= word - 1) size++;
    }
    return size;
  }

  /** The pages that were dirty, by rising number. */
  *[Symbol.iterator](): Iterator<number> {
    for (let index = 0; index < this.#words.length; index++) {
      for (let word = this.#words[index]!; word !== 0; word &= word - 1) {
        yield this.first + index * 32 + (31 - Math.clz32(word & -word));
      }
    }
  }
}

/**
 * Has `take` move bits to a zeroed bitmap in the arena, and copies them out of it.
 *
 * @param count How many bits.
 * @param take Gets the bitmap's offset.
 * @returns The bits, in ordinary memory.
 */
export function takeBits(
  arena: BlockAllocator,
  count: number,
  take: (into: number) => void,
): Uint32Array {
  const words = Math.max(2 * Math.ceil(count / 64), 2);
  const into = arena.allocate(words * 4);
  try {
    take(into);
    return arena.u32.slice(into / 4, into / 4 + words);
  } finally {
    arena.free(into);
  }
}
