/**
 * The radix tree of a map under construction: which section has which page. After QEMU's
 * `PhysPageMap` (`system/physmem.c`), which it matches node for node as long as ranges do not
 * overlap; QEMU has no answer for those that do.
 *
 * @module
 */

import { digit } from "./_halves.ts";
import { grown } from "./_growable.ts";
import { TooManyNodesError } from "./errors.ts";
import { EMPTY_ENTRY, LEVEL_BITS, levelsFor, NIL, NODE_ENTRIES, SKIP_BITS } from "./layout.ts";
import type { SectionTable } from "./sections.ts";

/** The skip of an entry that points at the next level. */
const NEXT_LEVEL = 1;

/**
 * Nodes in the layout that the arena gets, and the root entry. Entries are signed here: V8 passes a
 * signed word from function to function as it is, and boxes an unsigned one from 2^31 on.
 */
export class NodePool {
  /** The nodes; only the first `count` of them mean anything. */
  words: Int32Array<ArrayBuffer> = new Int32Array(16 * NODE_ENTRIES);
  /** How many nodes there are. */
  count = 0;
  /** The root entry. */
  root: number = EMPTY_ENTRY | 0;
  /** Levels of the tree. */
  readonly levels: number;

  readonly #pageBits: number;
  readonly #limit: number;
  readonly #sections: SectionTable;
  // The span being set: its first and last page number in digits of nine bits, one for each level,
  // and whether the digits below a level are all 0 (first) or all 511 (last), so that the span
  // takes the whole of the slot there.
  readonly #firstDigit: Uint16Array;
  readonly #lastDigit: Uint16Array;
  readonly #startsSlot: Uint8Array;
  readonly #endsSlot: Uint8Array;
  #leaf = 0;

  /** @param pageBits log2 of the page size. @param limit At most this many nodes. @param sections Learns which sections are overlaid. */
  constructor(pageBits: number, limit: number, sections: SectionTable) {
    this.levels = levelsFor(pageBits);
    this.#pageBits = pageBits;
    this.#limit = limit;
    this.#sections = sections;
    this.#firstDigit = new Uint16Array(this.levels);
    this.#lastDigit = new Uint16Array(this.levels);
    this.#startsSlot = new Uint8Array(this.levels);
    this.#endsSlot = new Uint8Array(this.levels);
  }

  /** Leaves no page assigned. */
  reset(): void {
    this.count = 0;
    this.root = EMPTY_ENTRY | 0;
  }

  /**
   * Gives a section all pages from that of the first address to that of the last.
   *
   * @throws {TooManyNodesError} If there are `limit` already; the tree is then half changed.
   */
  set(firstHi: number, firstLo: number, lastHi: number, lastLo: number, section: number): void {
    let starts = 1, ends = 1;
    for (let level = 0, shift = this.#pageBits; level < this.levels; level++) {
      const first = digit(firstHi, firstLo, shift), last = digit(lastHi, lastLo, shift);
      this.#firstDigit[level] = first;
      this.#lastDigit[level] = last;
      this.#startsSlot[level] = starts;
      this.#endsSlot[level] = ends;
      shift += LEVEL_BITS;
      // The top digit is shorter than nine bits, but nothing asks about the level above it.
      if (first !== 0) starts = 0;
      if (last !== NODE_ENTRIES - 1) ends = 0;
    }
    this.#leaf = section << SKIP_BITS;
    this.root = this.#setLevel(this.root, this.levels - 1, true, true);
  }

  /** The section that has the page of an address in the tree as built so far, before compaction. */
  find(high: number, low: number): number {
    let entry = this.root;
    for (let shift = this.#pageBits + LEVEL_BITS * this.levels; entry & NEXT_LEVEL;) {
      const node = entry >>> SKIP_BITS;
      if (node === NIL) return 0;
      shift -= LEVEL_BITS;
      entry = this.words[node * NODE_ENTRIES + digit(high, low, shift)]!;
    }
    return entry >>> SKIP_BITS;
  }

  /**
   * Sets the span's part below one entry. `atFirst` and `atLast` say whether the span starts or ends
   * within what the entry covers; otherwise it runs from its first slot, or to its last.
   *
   * @returns What the entry is to become.
   */
  #setLevel(entry: number, level: number, atFirst: boolean, atLast: boolean): number {
    const node = this.#nodeOf(entry, level);
    const from = atFirst ? this.#firstDigit[level]! : 0;
    const to = atLast ? this.#lastDigit[level]! : NODE_ENTRIES - 1;
    for (let slot = from; slot <= to; slot++) {
      const at = node * NODE_ENTRIES + slot;
      const old = this.words[at]!;
      const startsInside = atFirst && slot === from && this.#startsSlot[level] === 0;
      const endsInside = atLast && slot === to && this.#endsSlot[level] === 0;
      let next = this.#leaf;
      if (startsInside || endsInside) {
        next = this.#setLevel(old, level - 1, startsInside, endsInside);
      } else {
        this.#overlay(old);
      }
      // Not earlier: the recursion may have replaced the array by a larger one.
      this.words[at] = next;
    }
    return (node << SKIP_BITS) | NEXT_LEVEL;
  }

  /** The node that an entry points at; a new one if it points at none. */
  #nodeOf(entry: number, level: number): number {
    const isLeaf = (entry & NEXT_LEVEL) === 0;
    if (!isLeaf && entry >>> SKIP_BITS !== NIL) return entry >>> SKIP_BITS;
    if (this.count === this.#limit) throw new TooManyNodesError(this.#limit);
    const node = this.count;
    const at = node * NODE_ENTRIES;
    if (at === this.words.length) this.words = grown(this.words, at + NODE_ENTRIES);
    // A leaf above level 0 is spread over the slots of the new node: a range that overlaps an
    // earlier one takes only its own pages from it.
    const empty = level === 0 ? 0 : EMPTY_ENTRY | 0;
    this.words.fill(isLeaf ? entry : empty, at, at + NODE_ENTRIES);
    this.count++;
    return node;
  }

  /** Marks every section that has a page below an entry that is being replaced. */
  #overlay(entry: number): void {
    const pointer = entry >>> SKIP_BITS;
    if ((entry & NEXT_LEVEL) === 0) return this.#sections.overlay(pointer);
    if (pointer === NIL) return;
    for (let slot = 0; slot < NODE_ENTRIES; slot++) {
      this.#overlay(this.words[pointer * NODE_ENTRIES + slot]!);
    }
  }
}
