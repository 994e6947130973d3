/**
 * The set of states visited, each with a number.
 *
 * @module
 */

/** States of one length, numbered from 0 in the order in which they were added. */
export class StateSet {
  readonly #length: number;
  #pool: Int32Array;
  #table = new Int32Array(1 << 12).fill(-1);
  #size = 0;

  constructor(length: number) {
    this.#length = length;
    this.#pool = new Int32Array(length << 10);
  }

  /** How many states there are. */
  get size(): number {
    return this.#size;
  }

  /** Copies a state. */
  copyTo(id: number, into: Int32Array): void {
    const start = id * this.#length;
    for (let i = 0; i < this.#length; i++) into[i] = this.#pool[start + i]!;
  }

  /** The number of a state, which is added if it is new: its number is then the former size. */
  add(state: Int32Array): number {
    const mask = this.#table.length - 1;
    let place = hash(state) & mask;
    for (; this.#table[place]! >= 0; place = (place + 1) & mask) {
      if (this.#equals(this.#table[place]!, state)) return this.#table[place]!;
    }
    const id = this.#size++;
    this.#table[place] = id;
    if ((id + 1) * this.#length > this.#pool.length) this.#growPool();
    this.#pool.set(state, id * this.#length);
    if (this.#size * 2 > this.#table.length) this.#growTable();
    return id;
  }

  #equals(id: number, state: Int32Array): boolean {
    const start = id * this.#length;
    for (let i = 0; i < state.length; i++) {
      if (this.#pool[start + i] !== state[i]) return false;
    }
    return true;
  }

  #growPool(): void {
    const larger = new Int32Array(this.#pool.length * 2);
    larger.set(this.#pool);
    this.#pool = larger;
  }

  #growTable(): void {
    this.#table = new Int32Array(this.#table.length * 2).fill(-1);
    const mask = this.#table.length - 1;
    for (let id = 0; id < this.#size; id++) {
      const start = id * this.#length;
      let place = hash(this.#pool.subarray(start, start + this.#length)) & mask;
      while (this.#table[place]! >= 0) place = (place + 1) & mask;
      this.#table[place] = id;
    }
  }
}

/** MurmurHash3: the words of a state differ in few bits, which must reach all bits of the place. */
function hash(state: Int32Array): number {
  let sum = 0;
  for (let i = 0; i < state.length; i++) {
    let word = Math.imul(state[i]!, 0xcc9e2d51);
    word = word << 15 | word >>> 17;
    sum ^= Math.imul(word, 0x1b873593);
    sum = Math.imul(sum << 13 | sum >>> 19, 5) + 0xe6546b64 | 0;
  }
  sum = Math.imul(sum ^ sum >>> 16, 0x85ebca6b);
  sum = Math.imul(sum ^ sum >>> 13, 0xc2b2ae35);
  return sum ^ sum >>> 16;
}
