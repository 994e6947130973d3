/**
 * A list of 32-bit integers that grows.
 *
 * @module
 */

/** A list of 32-bit integers, packed. */
export class IntList {
  #items = new Int32Array(1024);
  #length = 0;

  /** How many there are. */
  get length(): number {
    return this.#length;
  }

  /** The item at an index. */
  get(index: number): number {
    return this.#items[index]!;
  }

  /** Adds an item at the end. */
  push(item: number): void {
    if (this.#length === this.#items.length) {
      const larger = new Int32Array(this.#length * 2);
      larger.set(this.#items);
      this.#items = larger;
    }
    this.#items[this.#length++] = item;
  }

  /** Takes the last item; undefined if there is none. */
  pop(): number | undefined {
    return this.#length === 0 ? undefined : this.#items[--this.#length];
  }
}
