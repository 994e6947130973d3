/**
 * The tree of nodes and sections that the versions of a map share.
 *
 * @module
 */

import type { BlockAllocator } from "@guestmem/rcu";
import { digit, isBelow } from "../address/halves.ts";
import { HEIGHT_MASK, LEVEL_BITS, MAX_HEIGHT, NODE_SLOTS, SECTION } from "../kernel/layouts.ts";
import { commonHeight, endHi, endLo, Span, startHi, startLo } from "./span.ts";
import { ADDRESS_MASK, TreeCells } from "./tree_cells.ts";
import { FROM_FIRST, NONE, TO_LAST, TreeSearch } from "./tree_search.ts";

const LAST_SLOT = NODE_SLOTS - 1;

/**
 * Path copying. A tree is known by its root entry. Trees share what they have in common; a change
 * makes a new tree and copies the nodes from the changed slots up to the root. What belongs to a tree
 * that is not finished is **fresh**: it is written in place.
 *
 * A tree has one shape for each set of sections. Where an entry covers addresses of
 *
 * - no section, it is 0;
 * - one section, it points at that, however little of the entry's addresses the section has;
 * - several sections, it points at the lowest node that covers their part: the levels above it, in
 *   which there would be one way only, are left out. That is QEMU's path compaction, kept up at every
 *   change instead of made at the end.
 *
 * So a lookup that arrives at a section must check that this has the address.
 *
 * An entry is known by the index of the word that holds it, the tree by that of its root entry. Each
 * step leaves the counts right, so a tree that could not be completed can be released.
 */
export class MapTree {
  /** The nodes and sections. */
  readonly cells: TreeCells;
  /** Finds sections. */
  readonly search: TreeSearch;
  readonly #i32: Int32Array;
  readonly #u32: Uint32Array;
  /** The addresses that are inserted or removed; and those of a section that makes way. */
  readonly #span = new Span();
  readonly #other = new Span();

  /**
   * @param memory The arena.
   * @param freed Is called with the region of each section that is freed. Must not change the map.
   */
  constructor(memory: BlockAllocator, freed: (region: number) => void) {
    this.cells = new TreeCells(memory, freed);
    this.search = new TreeSearch(memory.i32, memory.u32, this.cells);
    this.#i32 = memory.i32;
    this.#u32 = memory.u32;
  }

  /**
   * Inserts a section that was taken.
   *
   * @param root The tree. None of its sections has an address of the new one.
   * @param section The section.
   * @throws {ArenaExhaustedError} If there is no room.
   */
  insert(root: number, section: number): void {
    const span = this.#spanOf(section, this.#span);
    try {
      this.#insert(root, MAX_HEIGHT, span, true, true, section | 0);
    } finally {
      // The count with which it was taken.
      this.cells.dropSection(section, 1);
    }
  }

  /**
   * Removes a section.
   *
   * @param root The tree.
   * @param section A section of the tree.
   * @throws {ArenaExhaustedError} If there is no room.
   */
  remove(root: number, section: number): void {
    this.#remove(root, this.#spanOf(section, this.#span), true, true);
  }

  /**
   * Removes all sections that have any of some addresses. None of them has others.
   *
   * @param root The tree.
   * @param firstHi First address, upper half.
   * @param firstLo First address, lower half.
   * @param lastHi Last address, inclusive, upper half.
   * @param lastLo Last address, lower half.
   * @throws {ArenaExhaustedError} If there is no room.
   */
  removeAll(root: number, firstHi: number, firstLo: number, lastHi: number, lastLo: number): void {
    this.#span.set(firstHi, firstLo, lastHi, lastLo);
    this.#removeAll(root, MAX_HEIGHT, this.#span, true, true);
  }

  // ---- inserting --------------------------------------------------------------------------------

  /**
   * Inserts the part of a span that lies in the addresses of an entry. Unless `atFirst`, that starts
   * with these addresses; unless `atLast`, it ends with them.
   */
  #insert(
    at: number,
    height: number,
    span: Span,
    atFirst: boolean,
    atLast: boolean,
    section: number,
  ): void {
    const entry = this.#i32[at]!;
    if (entry === 0) {
      this.#i32[at] = section;
      this.cells.sections.add(section, 1);
      return;
    }
    if ((entry & HEIGHT_MASK) === 0) this.#splitSection(at, height, span, atFirst, atLast);
    else if ((entry & HEIGHT_MASK) < height) this.#raise(at, height, span, atFirst, atLast);
    this.cells.own(at);
    this.#fill(at, span, atFirst, atLast, section);
  }

  /** Inserts the part of a span that lies in the addresses of a fresh node. */
  #fill(at: number, span: Span, atFirst: boolean, atLast: boolean, section: number): void {
    const entry = this.#i32[at]!;
    const level = (entry & HEIGHT_MASK) - 1;
    const slots = (entry & ADDRESS_MASK) >>> 2;
    let from = slots + (atFirst ? span.firstDigit(level) : 0);
    let to = slots + (atLast ? span.lastDigit(level) : LAST_SLOT);
    const startsInside = atFirst && span.startsInside(level);
    const endsInside = atLast && span.endsInside(level);
    if (startsInside) {
      this.#insert(from, level, span, true, endsInside && from === to, section);
      from++;
    }
    if (endsInside && to >= from) this.#insert(to--, level, span, false, true, section);
    if (to < from) return;
    for (let slot = from; slot <= to; slot++) this.#i32[slot] = section;
    this.cells.sections.add(section, to + 1 - from);
  }

  /** Puts a node in place of an entry that points at another section. It holds that, and has room. */
  #splitSection(at: number, height: number, span: Span, atFirst: boolean, atLast: boolean): void {
    const other = this.#i32[at]!;
    const otherSpan = this.#spanOf(other, this.#other);
    // An address of the span that is one of the entry's.
    const high = atFirst ? span.firstHi : span.lastHi;
    const low = atFirst ? span.firstLo : span.lastLo;
    const otherFirst = commonHeight(high, low, otherSpan.firstHi, otherSpan.firstLo) <= height;
    const otherLast = commonHeight(high, low, otherSpan.lastHi, otherSpan.lastLo) <= height;
    const isBefore = isBelow(otherSpan.lastHi, otherSpan.lastLo, high, low);
    const common = isBefore
      ? heightOf(otherSpan, otherFirst, span, atLast, high, low, height)
      : heightOf(span, atFirst, otherSpan, otherLast, high, low, height);
    this.cells.putNode(at, common);
    this.#fill(at, otherSpan, otherFirst, otherLast, other);
    this.cells.dropSection(other, 1);
  }

  /** Puts a higher node above that of an entry, unless that covers the span's part already. */
  #raise(at: number, height: number, span: Span, atFirst: boolean, atLast: boolean): void {
    const entry = this.#i32[at]!;
    const { firstHi, firstLo, lastHi, lastLo } = span;
    this.search.findMember(entry, height, atFirst ? firstHi : lastHi, atFirst ? firstLo : lastLo);
    const high = this.search.high;
    const low = this.search.low;
    const common = Math.max(
      atFirst
        ? commonHeight(high, low, firstHi, firstLo)
        : commonHeight(high, low, startHi(high, height), startLo(low, height)),
      atLast
        ? commonHeight(high, low, lastHi, lastLo)
        : commonHeight(high, low, endHi(high, height), endLo(low, height)),
    );
    if (common <= (entry & HEIGHT_MASK)) return;
    const slots = this.cells.putNode(at, common);
    this.#i32[slots + digit(high, low, (common - 1) * LEVEL_BITS, LAST_SLOT)] = entry;
  }

  // ---- removing ---------------------------------------------------------------------------------

  /** Removes the part of a section that lies in the addresses of an entry. */
  #remove(at: number, span: Span, atFirst: boolean, atLast: boolean): void {
    const i32 = this.#i32;
    if ((i32[at]! & HEIGHT_MASK) === 0) return this.#clear(at, at);
    this.cells.own(at);
    const entry = i32[at]!;
    const level = (entry & HEIGHT_MASK) - 1;
    const slots = (entry & ADDRESS_MASK) >>> 2;
    let from = slots + (atFirst ? span.firstDigit(level) : 0);
    let to = slots + (atLast ? span.lastDigit(level) : LAST_SLOT);
    const startsInside = atFirst && span.startsInside(level);
    const endsInside = atLast && span.endsInside(level);
    if (startsInside) {
      this.#remove(from, span, true, endsInside && from === to);
      from++;
    }
    if (endsInside && to >= from) this.#remove(to--, span, false, true);
    if (to >= from) this.#clear(from, to);
    this.#collapse(at, slots);
  }

  /** Removes what lies in the addresses of an entry and in a span. */
  #removeAll(at: number, height: number, span: Span, atFirst: boolean, atLast: boolean): void {
    const i32 = this.#i32;
    const side = this.search.sideOf(i32[at]!, height, span, atFirst, atLast);
    if (side === NONE || !this.search.meetsAny(i32[at]!, height, span, atFirst, atLast)) return;
    const isFirst = atFirst && (side & FROM_FIRST) !== 0;
    const isLast = atLast && (side & TO_LAST) !== 0;
    if ((i32[at]! & HEIGHT_MASK) === 0 || (!isFirst && !isLast)) {
      this.cells.drop(i32[at]!, 1);
      i32[at] = 0;
      return;
    }
    this.cells.own(at);
    const level = (i32[at]! & HEIGHT_MASK) - 1;
    const slots = (i32[at]! & ADDRESS_MASK) >>> 2;
    const from = slots + (isFirst ? span.firstDigit(level) : 0);
    const to = slots + (isLast ? span.lastDigit(level) : LAST_SLOT);
    for (let slot = from; slot <= to; slot++) {
      if (i32[slot] === 0) continue;
      this.#removeAll(slot, level, span, isFirst && slot === from, isLast && slot === to);
    }
    this.#collapse(at, slots);
  }

  /** Clears entries that point at one section. */
  #clear(from: number, to: number): void {
    const section = this.#i32[from]!;
    this.#i32.fill(0, from, to + 1);
    this.cells.dropSection(section, to + 1 - from);
  }

  /** Takes the fresh node of an entry out of the way if only one section or one node is left in it. */
  #collapse(at: number, slots: number): void {
    const i32 = this.#i32;
    let only = 0, entries = 0;
    for (let slot = slots; slot < slots + NODE_SLOTS; slot++) {
      const child = i32[slot]!;
      if (child === 0) continue;
      if (only !== 0 && child !== only) return;
      only = child;
      entries++;
    }
    this.cells.nodes.drop(slots * 4, 1);
    this.cells.nodes.giveBack(slots * 4);
    i32[at] = only;
    if (entries > 1) this.cells.drop(only, entries - 1);
  }

  #spanOf(section: number, span: Span): Span {
    const words = this.#u32;
    const at = section >>> 0;
    span.set(
      SECTION.first.high(words, at),
      SECTION.first.low(words, at),
      SECTION.last.high(words, at),
      SECTION.last.low(words, at),
    );
    return span;
  }
}

/**
 * The height of the lowest node that covers two spans, as far as they lie in the addresses of an entry.
 *
 * @param before The lower span.
 * @param startsInside Whether it starts in these addresses, and not before.
 * @param after The upper span.
 * @param endsInside Whether it ends in these addresses, and not behind.
 * @param high An address of the entry, upper half.
 * @param low Its lower half.
 * @param height The height of a node that covers all of the entry's addresses.
 */
function heightOf(
  before: Span,
  startsInside: boolean,
  after: Span,
  endsInside: boolean,
  high: number,
  low: number,
  height: number,
): number {
  return commonHeight(
    startsInside ? before.firstHi : startHi(high, height),
    startsInside ? before.firstLo : startLo(low, height),
    endsInside ? after.lastHi : endHi(high, height),
    endsInside ? after.lastLo : endLo(low, height),
  );
}
