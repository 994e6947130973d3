/**
 * The memory of a program inside a state. A state holds only the words that some thread writes; the
 * others are what they were at the start.
 *
 * @module
 */

import type { Access } from "./access.ts";

/** Reads and writes memory in states, which are arrays of words. */
export class Memory {
  /** Lower half of what was loaded last. */
  low = 0;
  /** Upper half of it; 0 if it has 32 bits or fewer. */
  high = 0;

  /**
   * Describes where memory lies in a state.
   *
   * @param initial The words at the start.
   * @param slotOf By word: its index in a state, or -1 if nobody writes it.
   */
  constructor(readonly initial: Int32Array, readonly slotOf: Int32Array) {}

  /** Loads one word. */
  word(state: Int32Array, index: number): number {
    const slot = this.slotOf[index]!;
    return slot < 0 ? this.initial[index]! : state[slot]!;
  }

  /** Loads up to 8 bytes into `low` and `high`. */
  load(state: Int32Array, address: number, bytes: number): void {
    this.high = 0;
    if (bytes >= 4 && (address & 3) === 0) {
      this.low = this.word(state, address >>> 2);
      if (bytes === 8) this.high = this.word(state, (address >>> 2) + 1);
      return;
    }
    this.low = this.#bytes(state, address, Math.min(bytes, 4));
    if (bytes === 8) this.high = this.#bytes(state, address + 4, 4);
  }

  /** Stores up to 8 bytes. */
  store(state: Int32Array, address: number, bytes: number, low: number, high: number): void {
    if (bytes >= 4 && (address & 3) === 0) {
      this.#setWord(state, address >>> 2, low);
      if (bytes === 8) this.#setWord(state, (address >>> 2) + 1, high);
      return;
    }
    for (let i = 0; i < bytes; i++) {
      this.#setByte(state, address + i, (i < 4 ? low : high) >>> 8 * (i & 3));
    }
  }

  /** Makes an access that stores, and leaves in `low` and `high` what was there. */
  change(state: Int32Array, access: Access): void {
    const { kind, address, bytes, low, high } = access;
    if (kind === "fill") return this.#fill(state, address, bytes, low);
    if (kind === "copy") return this.#copy(state, address, bytes, access.expectedLow);
    if (kind === "store") return this.store(state, address, bytes, low, high);
    this.load(state, address, bytes);
    if (kind === "cmpxchg") {
      if (this.low !== access.expectedLow || this.high !== access.expectedHigh) return;
      return this.store(state, address, bytes, low, high);
    }
    const [newLow, newHigh] = combine(access.operator, this.low, this.high, low, high);
    this.store(state, address, bytes, newLow, newHigh);
  }

  #bytes(state: Int32Array, address: number, count: number): number {
    let value = 0;
    for (let i = 0; i < count; i++) value |= this.#byte(state, address + i) << 8 * i;
    return value;
  }

  #byte(state: Int32Array, address: number): number {
    return this.word(state, address >>> 2) >>> 8 * (address & 3) & 0xff;
  }

  #setByte(state: Int32Array, address: number, value: number): void {
    const shift = 8 * (address & 3);
    const word = this.word(state, address >>> 2);
    this.#setWord(state, address >>> 2, word & ~(0xff << shift) | (value & 0xff) << shift);
  }

  #setWord(state: Int32Array, index: number, value: number): void {
    state[this.slotOf[index]!] = value;
  }

  #fill(state: Int32Array, address: number, bytes: number, value: number): void {
    for (let i = 0; i < bytes; i++) this.#setByte(state, address + i, value);
  }

  #copy(state: Int32Array, to: number, bytes: number, from: number): void {
    const values = Array.from({ length: bytes }, (_, i) => this.#byte(state, from + i));
    values.forEach((value, i) => this.#setByte(state, to + i, value));
  }
}

function combine(
  operator: Access["operator"],
  aLow: number,
  aHigh: number,
  bLow: number,
  bHigh: number,
): [low: number, high: number] {
  switch (operator) {
    case "add": {
      const low = aLow + bLow | 0;
      return [low, aHigh + bHigh + (low >>> 0 < aLow >>> 0 ? 1 : 0) | 0];
    }
    case "sub":
      return [aLow - bLow | 0, aHigh - bHigh - (aLow >>> 0 < bLow >>> 0 ? 1 : 0) | 0];
    case "and":
      return [aLow & bLow, aHigh & bHigh];
    case "or":
      return [aLow | bLow, aHigh | bHigh];
    case "xor":
      return [aLow ^ bLow, aHigh ^ bHigh];
    case "xchg":
      return [bLow, bHigh];
  }
}
