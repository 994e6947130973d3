/**
 * The radix tree of a map under construction: which section has which page. After QEMU's
 * `PhysPageMap` (`system/physmem.c`), which it matches node for node as long as ranges do not
 * overlap; QEMU does not allow those that do.
 *
 * @module
 */

import { digit } from "../address/halves.ts";
import { PhysMapError } from "../errors/physmap_error.ts";
import { LEVEL_BITS, NIL, NODE_ENTRIES, SKIP_BITS } from "../kernel/layouts.ts";
import { grown } from "./growable.ts";
import { levelsFor } from "./map_size.ts";
import type { SectionTable } from "./section_table.ts";

/** The skip of an entry that points at the next level. */
const NEXT_LEVEL = 1;
/** The entry of an untouched slot above level 0, and of an empty map's root. */
const EMPTY_ENTRY = (NIL << SKIP_BITS) | NEXT_LEVEL;

/**
 * Nodes as the arena gets them, and the root entry. Entries are signed here: V8 passes a signed word
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
  readonly #limit: number;
  readonly #sections: SectionTable;
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
   * @param limit At most this many nodes.
   * @param sections Where overlaid sections are marked.
   */
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

  /** Unassigns all pages. */
  reset(): void {
    this.count = 0;
    this.root = EMPTY_ENTRY;
    this.#lowest = -1;
  }

  /**
   * Gives a section all pages from that of the first address to that of the last.
   *
   * @throws {PhysMapError} TOO_MANY_NODES; the tree is then half changed.
   */
  set(firstHi: number, firstLo: number, lastHi: number, lastLo: number, section: number): void {
    this.#leaf = section << SKIP_BITS;
    const above = this.#pageBits + LEVEL_BITS; // 17 to 25
    const high = firstHi >>> above, low = (firstHi << (32 - above)) | (firstLo >>> above);
    const isInOne = high === lastHi >>> above &&
      low === ((lastHi << (32 - above)) | (lastLo >>> above));
    if (isInOne && this.#lowest >= 0 && low === this.#lowestLo && high === this.#lowestHi) {
      const from = digit(firstHi, firstLo, this.#pageBits);
      const to = digit(lastHi, lastLo, this.#pageBits);
      // A span that fills the node becomes a leaf in the level above.
      if (to - from < NODE_ENTRIES - 1) {
        const base = this.#lowest * NODE_ENTRIES;
        return this.#fill(base + from, base + to + 1, 0);
      }
    }
    let starts = 1, ends = 1;
    for (let level = 0, shift = this.#pageBits; level < this.levels; level++) {
      const first = digit(firstHi, firstLo, shift), last = digit(lastHi, lastLo, shift);
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
      entry = this.words[node * NODE_ENTRIES + digit(high, low, shift)]!;
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
    this.#fill(from, to + 1, level);
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
  #fill(from: number, to: number, level: number): void {
    const { words } = this;
    const empty = emptyAt(level);
    const leaf = this.#leaf;
    for (let at = from; at < to; at++) {
      if (words[at] !== empty) this.#overlay(words[at]!);
      words[at] = leaf;
    }
  }

  /** The node that an entry points at; allocated if it points at none. */
  #nodeOf(entry: number, level: number): number {
    const isLeaf = (entry & NEXT_LEVEL) === 0;
    if (!isLeaf && entry >>> SKIP_BITS !== NIL) return entry >>> SKIP_BITS;
    if (this.count === this.#limit) {
      throw new PhysMapError("TOO_MANY_NODES", { limit: this.#limit });
    }
    const node = this.count;
    const at = node * NODE_ENTRIES;
    if (at === this.words.length) this.words = grown(this.words, at + NODE_ENTRIES);
    // A leaf above level 0 is copied to all slots of the new node: a range that overlaps an earlier
    // one takes only its own pages from it.
    this.words.fill(isLeaf ? entry : emptyAt(level), at, at + NODE_ENTRIES);
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

/** The entry of a slot in which nothing was registered. */
function emptyAt(level: number): number {
  return level === 0 ? 0 : EMPTY_ENTRY;
}
