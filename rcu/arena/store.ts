/**
 * The only way in which the heap writes to shared memory: a test can let a worker die at each store.
 *
 * @module
 */

/** Writes the heap's words. The caller holds the arena's lock. */
export class Store {
  /** The memory as words. */
  readonly u32: Uint32Array;
  /** The memory as bytes. */
  readonly u8: Uint8Array;

  /** @param buffer The arena's memory */
  constructor(buffer: SharedArrayBuffer) {
    this.u32 = new Uint32Array(buffer);
    this.u8 = new Uint8Array(buffer);
  }

  /** Writes a word that `repair()` can recompute, or that the walk over the blocks cannot see yet. */
  put(index: number, value: number): void {
    this.u32[index] = value;
  }

  /**
   * Writes a block's state word: the step by which a change takes place. Atomic (seq-cst): if the
   * writer dies right after it, everything put before must be in memory, and only an atomic store
   * keeps the compiler and the processor from swapping the two.
   */
  commit(index: number, value: number): void {
    Atomics.store(this.u32, index, value);
  }

  /** Fills words `[from, to)`, given as byte offsets that are multiples of 4. */
  fill(from: number, to: number, value: number): void {
    if (to - from > 512) {
      this.u32.fill(value, from / 4, to / 4);
    } else {
      const end = to / 4;
      for (let index = from / 4; index < end; index++) this.u32[index] = value;
    }
  }

  /** Fills bytes `[from, to)`. */
  fillBytes(from: number, to: number, value: number): void {
    this.u8.fill(value, from, to);
  }
}
