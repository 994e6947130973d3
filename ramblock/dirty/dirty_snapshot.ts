/**
 * A copy of dirty bits.
 *
 * @module
 */

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
