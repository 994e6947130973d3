/**
 * What the language allows beyond sequential consistency, for the words that a program lets race.
 *
 * Only plain accesses of these words are weaker. Two things can happen to them:
 *
 * - A **plain store lingers**: it reaches memory at any later moment, after other plain stores and
 *   atomic loads of its thread, but before the thread's next atomic store, read-modify-write, wait or
 *   notify, and before its end. Its own thread sees it at once.
 * - A **plain load is early**: it gives any value that the word has had since the thread's last atomic
 *   load, read-modify-write or wait, but none older than one that the thread has read already.
 *
 * **Loads are never late.** The language lets a plain load take effect after later accesses of its
 * thread. That is not explored; here is what it could show besides.
 *
 * - Past a later store (load buffering). The value that is read late must come, through other
 *   threads, from that store. If the store is atomic and is read atomically, the load happened before
 *   what the value comes from, which the language forbids. So the store is of a racing word, and of
 *   another one, since a thread never reads its own later store. A thread that reads one racing word
 *   plainly and later writes another is **refused**.
 * - Past later atomic accesses. The load then gives a newer value than is explored, never an older
 *   one. Programs say beside their `mayRace` why that does no harm.
 *
 * A state holds, for each thread, the racing words that it has read plainly; and for each of these
 * words whether a store lingers and its value, how many old values the thread may still read, and
 * these, the oldest first.
 *
 * @module
 */

import type { Access } from "./access.ts";

/** How many old values of a word a thread can have in view. */
const OLD_VALUES = 4;

/** How many words may race: their numbers follow `LAND` among the choices of a step. */
const MOST_WORDS = 30;

const LINGERS = 0;
const VALUE = 1;
const COUNT = 2;
const FIRST = 3;
const RECORD = FIRST + OLD_VALUES;
/** What a thread has besides its records: the racing words that it has read plainly, as bits. */
const READ = 1;

/** The weaker part of a state. */
export class WeakMemory {
  /** How many places of a state it takes. */
  readonly length: number;
  readonly #start: number;
  readonly #threads: number;
  /** Places in a state of the words that may race. */
  readonly #slots: readonly number[];
  /** By word of memory: its index in `#slots`, or -1. */
  readonly #racyOf: Int32Array;

  /**
   * Describes the weaker part of states.
   *
   * @param slotOf By word of memory: its place in a state, or -1.
   * @param isRacing Whether a word may race and is accessed plainly.
   * @param threads How many threads there are.
   * @param start Where in a state it begins.
   */
  constructor(
    slotOf: Int32Array,
    isRacing: (word: number) => boolean,
    threads: number,
    start: number,
  ) {
    const slots: number[] = [];
    this.#racyOf = slotOf.map((slot, word) => {
      return slot >= 0 && isRacing(word) ? slots.push(slot) - 1 : -1;
    });
    if (slots.length > MOST_WORDS) {
      throw new RangeError(
        `${slots.length} words may race: the explorer takes at most ${MOST_WORDS}`,
      );
    }
    this.#slots = slots;
    this.#threads = threads;
    this.#start = start;
    this.length = threads * (READ + slots.length * RECORD);
  }

  /** How many words may race. */
  get words(): number {
    return this.#slots.length;
  }

  /** The number of the word that a plain load or store of 32 bits accesses, -1 if it may not race. */
  wordOf({ kind, atomic, address, bytes }: Access): number {
    if (atomic || kind !== "load" && kind !== "store" || bytes !== 4) return -1;
    return this.#racyOf[address >>> 2]!;
  }

  /** The words whose stores by a thread linger, as bits. */
  lingering(state: Int32Array, thread: number): number {
    let words = 0;
    for (let word = 0; word < this.#slots.length; word++) {
      if (state[this.#at(thread, word) + LINGERS]) words |= 1 << word;
    }
    return words;
  }

  /**
   * Lets a plain store linger.
   *
   * @throws {RangeError} If the thread has read another racing word before.
   */
  store(state: Int32Array, thread: number, word: number, value: number): void {
    this.#refuseLoadBuffering(state, thread, word);
    const at = this.#at(thread, word);
    state[at + LINGERS] = 1;
    state[at + VALUE] = value;
  }

  /** Lets a store that lingers reach memory. */
  land(state: Int32Array, thread: number, word: number): void {
    const at = this.#at(thread, word);
    const slot = this.#slots[word]!;
    const old = state[slot]!;
    state[slot] = state[at + VALUE]!;
    state[at + LINGERS] = state[at + VALUE] = 0;
    this.#keep(state, thread, word, old);
    this.#forget(at, state, 0);
  }

  /** How many values a plain load may give. */
  values(state: Int32Array, thread: number, word: number): number {
    const at = this.#at(thread, word);
    return state[at + LINGERS] ? 1 : 1 + state[at + COUNT]!;
  }

  /** The value that a plain load gives by a choice; choice 0 is the newest. */
  load(state: Int32Array, thread: number, word: number, choice: number): number {
    const at = this.#at(thread, word);
    state[this.#read(thread)]! |= 1 << word;
    if (state[at + LINGERS]) return state[at + VALUE]!;
    if (choice === 0) {
      this.#forget(at, state, 0);
      return state[this.#slots[word]!]!;
    }
    const value = state[at + FIRST + state[at + COUNT]! - choice]!;
    this.#forget(at, state, choice);
    return value;
  }

  /** What the words hold, to be compared after an access. */
  current(state: Int32Array): number[] {
    return this.#slots.map((slot) => state[slot]!);
  }

  /** Notes what an access of a thread has changed. */
  changed(state: Int32Array, thread: number, before: readonly number[]): void {
    before.forEach((old, word) => {
      if (state[this.#slots[word]!] === old) return;
      this.#refuseLoadBuffering(state, thread, word);
      this.#keep(state, thread, word, old);
    });
  }

  /** Ends a thread's view of old values: it has made an access that acquires. */
  acquire(state: Int32Array, thread: number): void {
    for (let word = 0; word < this.#slots.length; word++) {
      this.#forget(this.#at(thread, word), state, 0);
    }
  }

  /** Drops all that belongs to a thread that has died or ended. */
  drop(state: Int32Array, thread: number): void {
    const from = this.#read(thread);
    state.fill(0, from, from + READ + this.#slots.length * RECORD);
  }

  #read(thread: number): number {
    return this.#start + thread * (READ + this.#slots.length * RECORD);
  }

  #at(thread: number, word: number): number {
    return this.#read(thread) + READ + word * RECORD;
  }

  #refuseLoadBuffering(state: Int32Array, thread: number, word: number): void {
    if ((state[this.#read(thread)]! & ~(1 << word)) === 0) return;
    throw new RangeError(
      "A thread writes a racing word after it has read another one: a late load is not explored",
    );
  }

  /** Keeps an old value in the view of the other threads. */
  #keep(state: Int32Array, thread: number, word: number, old: number): void {
    for (let other = 0; other < this.#threads; other++) {
      if (other === thread) continue;
      const at = this.#at(other, word);
      const count = state[at + COUNT]!;
      if (count > 0 && state[at + FIRST + count - 1] === old) continue;
      if (count === OLD_VALUES) {
        throw new RangeError(`A racing word has more than ${OLD_VALUES} old values in view`);
      }
      state[at + FIRST + count] = old;
      state[at + COUNT] = count + 1;
    }
  }

  /** Leaves only the newest old values in view. */
  #forget(at: number, state: Int32Array, newest: number): void {
    const count = state[at + COUNT]!;
    for (let i = 0; i < OLD_VALUES; i++) {
      state[at + FIRST + i] = i < newest ? state[at + FIRST + count - newest + i]! : 0;
    }
    state[at + COUNT] = newest;
  }
}

/** Whether the plain stores before a step must have reached memory: all but loads and plain stores. */
export function releases({ kind, atomic }: Access): boolean {
  return kind !== "load" && (atomic || kind !== "store");
}

/** Whether nothing after a step may be early. */
export function acquires({ kind, atomic }: Access): boolean {
  return atomic && kind !== "store" && kind !== "notify";
}
