/**
 * The radix tree of QEMU's map under construction: which section has which page. After its
 * `PhysPageMap` (`system/physmem.c`), which this matches node for node.
 *
 * @module
 */

import { digit } from "../address/halves.ts";

import { grown } from "./growable.ts";
import { levelsFor } from "./levels_for.ts";
import { LEVEL_BITS, NIL, NODE_ENTRIES, SKIP_BITS } from "./qemu_entry.ts";

/** The skip of an entry that points at the next level. */
const NEXT_LEVEL = 1;
/** The entry of an untouched slot above level 0, and of an empty map's root. */
const EMPTY_ENTRY = (NIL << SKIP_BITS) | NEXT_LEVEL;

/**
 * Nodes and the root entry. Entries are signed here: V8 passes a signed word
 * from function to function as it is, and boxes an unsigned one from 2^31 on.
 */
export class NodePool {
  /** The nodes; only the first `count` of them are in use. */
  words: Int32Array<ArrayBuffer> = new Int32Array(16 * NODE_ENTRIES);
  /** How many nodes there are. */
  count = 0;
  /** The root entry. */
  root: number = EMPTY_ENTRY;
  /** Levels of the tree. */
  readonly levels: number;

  readonly #pageBits: number;
  // The span being set: its first and last page number in digits of nine bits, one for each level,
  // and whether the digits below a level are all 0 (first) or all 511 (last): then the span takes
  // that slot whole.
  readonly #firstDigit: Uint16Array;
  readonly #lastDigit: Uint16Array;
  readonly #startsSlot: Uint8Array;
  readonly #endsSlot: Uint8Array;
  #leaf = 0;
  // The most recently set level-0 node, or -1, and the address bits above it. Ranges come in order,
  // so most find their node here without a walk down from the root.
  #lowest = -1;
  #lowestHi = 0;
  #lowestLo = 0;

  /**
   * An empty pool.
   *
   * @param pageBits log2 of the page size.
   */
  constructor(pageBits: number) {
    this.levels = levelsFor(pageBits);
    this.#pageBits = pageBits;
    this.#firstDigit = new Uint16Array(this.levels);
    this.#lastDigit = new Uint16Array(this.levels);
    this.#startsSlot = new Uint8Array(this.levels);
    this.#endsSlot = new Uint8Array(this.levels);
  }

  /**
   * Gives a section all pages from that of the first address to that of the last.
   */
  set(firstHi: number, firstLo: number, lastHi: number, lastLo: number, section: number): void {
    this.#leaf = section << SKIP_BITS;
    const above = this.#pageBits + LEVEL_BITS; // 17 to 25
    const high = firstHi >>> above, low = (firstHi << (32 - above)) | (firstLo >>> above);
    const isInOne = high === lastHi >>> above &&
      low === ((lastHi << (32 - above)) | (lastLo >>> above));
    if (isInOne && this.#lowest >= 0 && low === this.#lowestLo && high === this.#lowestHi) {
      const from = digit(firstHi, firstLo, this.#pageBits, NODE_ENTRIES - 1);
      const to = digit(lastHi, lastLo, this.#pageBits, NODE_ENTRIES - 1);
      // A span that fills the node becomes a leaf in the level above.
      if (to - from < NODE_ENTRIES - 1) {
        const base = this.#lowest * NODE_ENTRIES;
        return this.#fill(base + from, base + to + 1);
      }
    }
    let starts = 1, ends = 1;
    for (let level = 0, shift = this.#pageBits; level < this.levels; level++) {
      const first = digit(firstHi, firstLo, shift, NODE_ENTRIES - 1),
        last = digit(lastHi, lastLo, shift, NODE_ENTRIES - 1);
      this.#firstDigit[level] = first;
      this.#lastDigit[level] = last;
      this.#startsSlot[level] = starts;
      this.#endsSlot[level] = ends;
      shift += LEVEL_BITS;
      // The top digit has fewer than nine bits, but there is no level above it.
      if (first !== 0) starts = 0;
      if (last !== NODE_ENTRIES - 1) ends = 0;
    }
    this.#lowest = -1;
    this.root = this.#setLevel(this.root, this.levels - 1, true, true);
    if (!isInOne) this.#lowest = -1;
    this.#lowestHi = high;
    this.#lowestLo = low;
  }

  /** The section that has the page of an address in the tree as built so far, before compaction. */
  find(high: number, low: number): number {
    let entry = this.root;
    for (let shift = this.#pageBits + LEVEL_BITS * this.levels; entry & NEXT_LEVEL;) {
      const node = entry >>> SKIP_BITS;
      if (node === NIL) return 0;
      shift -= LEVEL_BITS;
      entry = this.words[node * NODE_ENTRIES + digit(high, low, shift, NODE_ENTRIES - 1)]!;
    }
    return entry >>> SKIP_BITS;
  }

  /**
   * Sets the part of the span below one entry. `atFirst` and `atLast` say whether the span starts or
   * ends within the entry's range; otherwise it runs from the first slot, or to the last.
   *
   * @returns The entry's new value.
   */
  #setLevel(entry: number, level: number, atFirst: boolean, atLast: boolean): number {
    const node = this.#nodeOf(entry, level);
    if (level === 0) this.#lowest = node;
    const base = node * NODE_ENTRIES;
    let from = base + (atFirst ? this.#firstDigit[level]! : 0);
    let to = base + (atLast ? this.#lastDigit[level]! : NODE_ENTRIES - 1);
    const startsInside = atFirst && this.#startsSlot[level] === 0;
    const endsInside = atLast && this.#endsSlot[level] === 0;
    if (startsInside) {
      this.#setSlot(from, level, true, endsInside && from === to);
      from++;
    }
    if (endsInside) to--;
    this.#fill(from, to + 1);
    // Must come last: nodes are numbered in the order of addresses.
    if (endsInside && to + 1 >= from) this.#setSlot(to + 1, level, false, true);
    return (node << SKIP_BITS) | NEXT_LEVEL;
  }

  /** Sets the part of the span below one slot, in which it starts or ends. */
  #setSlot(at: number, level: number, startsInside: boolean, endsInside: boolean): void {
    const next = this.#setLevel(this.words[at]!, level - 1, startsInside, endsInside);
    // Index `this.words` only now: the recursion may have replaced the array by a larger one.
    this.words[at] = next;
  }

  /** Gives whole slots to the section. */
  #fill(from: number, to: number): void {
    if (from < to) this.words.fill(this.#leaf, from, to);
  }

  /** The node that an entry points at; allocated if it points at none. */
  #nodeOf(entry: number, level: number): number {
    if (entry >>> SKIP_BITS !== NIL) return entry >>> SKIP_BITS;
    const node = this.count;
    const at = node * NODE_ENTRIES;
    if (at === this.words.length) this.words = grown(this.words, at + NODE_ENTRIES);
    this.words.fill(emptyAt(level), at, at + NODE_ENTRIES);
    this.count++;
    return node;
  }
}

/** The entry of a slot in which nothing was registered. */
function emptyAt(level: number): number {
  return level === 0 ? 0 : EMPTY_ENTRY;
}
