/**
 * Random numbers that are reproducible from a seed.
 *
 * @module
 */

/** A generator of 32-bit numbers (Vigna and Blackman's splitmix, cut to 32 bits). */
export class Random {
  #state: number;

  /**
   * @param seed The run's seed.
   * @param stream Gives each worker different numbers.
   */
  constructor(seed: number, stream: number) {
    this.#state = (seed ^ Math.imul(stream + 1, 0x85ebca6b)) >>> 0;
  }

  /** A number from 0 to `limit` - 1. */
  below(limit: number): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) % limit;
  }

  /** True once in `times` on average. */
  once(times: number): boolean {
    return this.below(times) === 0;
  }
}
