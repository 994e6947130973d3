/**
 * The tree of nodes and sections that the versions of a map share.
 *
 * @module
 */

import type { BlockAllocator } from "@guestmem/rcu";
import { digit, isBelow } from "../address/halves.ts";
import {
  HEIGHT_MASK,
  LEVEL_BITS,
  MAX_HEIGHT,
  NODE_BYTES,
  NODE_SLOTS,
  SECTION,
} from "../kernel/layouts.ts";
import { CellSlabs } from "./cell_slabs.ts";
import { commonHeight, endHi, endLo, Span, startHi, startLo } from "./span.ts";

const ADDRESS_MASK = ~HEIGHT_MASK;
const LAST_SLOT = NODE_SLOTS - 1;

// How a span meets a node: whether at all, and then whether it starts in it, and ends in it.
const NONE = 0;
const MEETS = 1;
const FROM_FIRST = 2;
const TO_LAST = 4;

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
 * **Counts.** Each node and each section counts the entries that point at it, those in dispatches
 * included. Nobody but the control context counts; readers do not.
 *
 * An entry is known by the index of the word that holds it, the tree by that of its root entry. Each
 * step leaves the counts right, so a tree that could not be completed can be released.
 */
export class MapTree {
  /** The nodes. */
  readonly nodes: CellSlabs;
  /** The sections. */
  readonly sections: CellSlabs;
  readonly #i32: Int32Array;
  readonly #u32: Uint32Array;
  readonly #freed: (region: number) => void;
  readonly #freshNodes: number[] = [];
  readonly #freshSections: number[] = [];
  /** The addresses of the section that is inserted or removed; and of one that makes way for it. */
  readonly #span = new Span();
  readonly #other = new Span();
  // What `#findMember` found, and for which entry. A node covers the same addresses all its life, so this
  // holds until a new node may lie where that one did.
  #memberOf = 0;
  #high = 0;
  #low = 0;

  /**
   * @param memory The arena.
   * @param freed Is called with the region of each section that is freed. Must not change the map.
   */
  constructor(memory: BlockAllocator, freed: (region: number) => void) {
    this.nodes = new CellSlabs(memory, NODE_BYTES);
    this.sections = new CellSlabs(memory, SECTION.size);
    this.#i32 = memory.i32;
    this.#u32 = memory.u32;
    this.#freed = freed;
  }

  /**
   * Takes a section, which is to be filled and inserted.
   *
   * @throws {ArenaExhaustedError} If there is no room.
   */
  takeSection(): number {
    const section = this.sections.take();
    this.sections.add(section, 1);
    this.#freshSections.push(section);
    return section;
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
      this.#dropSection(section, 1);
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

  /** Whether any section has any of some addresses. */
  hasAny(
    entry: number,
    firstHi: number,
    firstLo: number,
    lastHi: number,
    lastLo: number,
  ): boolean {
    this.#other.set(firstHi, firstLo, lastHi, lastLo);
    return this.#hasAny(entry, MAX_HEIGHT, this.#other, true, true);
  }

  /** The tree in progress is finished, or released: nothing is fresh from here on. */
  settle(): void {
    for (const node of this.#freshNodes) this.nodes.settle(node);
    for (const section of this.#freshSections) this.sections.settle(section);
    this.#freshNodes.length = 0;
    this.#freshSections.length = 0;
    this.#trim();
  }

  /** Copies an entry to a word that held none. */
  share(entry: number, to: number): void {
    this.#i32[to] = entry;
    this.#add(entry, 1);
  }

  /** Frees what only this entry leads to. */
  release(entry: number): void {
    this.#drop(entry, 1);
    this.#trim();
  }

  /**
   * Lists the sections that have any of some addresses.
   *
   * @param entry The root entry.
   * @param firstHi First address, upper half.
   * @param firstLo First address, lower half.
   * @param lastHi Last address, inclusive, upper half.
   * @param lastLo Last address, lower half.
   * @returns The sections by rising address.
   */
  list(
    entry: number,
    firstHi: number,
    firstLo: number,
    lastHi: number,
    lastLo: number,
  ): number[] {
    this.#other.set(firstHi, firstLo, lastHi, lastLo);
    const found: number[] = [];
    this.#list(entry, MAX_HEIGHT, this.#other, true, true, found);
    return found;
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
      this.sections.add(section, 1);
      return;
    }
    if ((entry & HEIGHT_MASK) === 0) this.#splitSection(at, height, span, atFirst, atLast);
    else if ((entry & HEIGHT_MASK) < height) this.#raise(at, height, span, atFirst, atLast);
    this.#own(at);
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
    this.sections.add(section, to + 1 - from);
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
    this.#putNode(at, common);
    this.#fill(at, otherSpan, otherFirst, otherLast, other);
    this.#dropSection(other, 1);
  }

  /** Puts a higher node above that of an entry, unless that covers the span's part already. */
  #raise(at: number, height: number, span: Span, atFirst: boolean, atLast: boolean): void {
    const entry = this.#i32[at]!;
    const { firstHi, firstLo, lastHi, lastLo } = span;
    this.#findMember(entry, height, atFirst ? firstHi : lastHi, atFirst ? firstLo : lastLo);
    const high = this.#high;
    const low = this.#low;
    const common = Math.max(
      atFirst
        ? commonHeight(high, low, firstHi, firstLo)
        : commonHeight(high, low, startHi(high, height), startLo(low, height)),
      atLast
        ? commonHeight(high, low, lastHi, lastLo)
        : commonHeight(high, low, endHi(high, height), endLo(low, height)),
    );
    if (common <= (entry & HEIGHT_MASK)) return;
    const slots = this.#putNode(at, common);
    this.#i32[slots + digit(high, low, (common - 1) * LEVEL_BITS, LAST_SLOT)] = entry;
  }

  /** Replaces an entry by one that points at a new and empty node; the index of its first slot. */
  #putNode(at: number, height: number): number {
    const node = this.nodes.take();
    this.#memberOf = 0;
    this.nodes.add(node, 1);
    this.#freshNodes.push(node);
    this.#i32.fill(0, node >>> 2, (node >>> 2) + NODE_SLOTS);
    this.#i32[at] = node | height;
    return node >>> 2;
  }

  /** Makes the node of an entry one that may be written: itself if it is fresh, or else a copy. */
  #own(at: number): void {
    const i32 = this.#i32;
    const entry = i32[at]!;
    const node = (entry & ADDRESS_MASK) >>> 0;
    if (this.nodes.isFresh(node)) return;
    const slots = this.#putNode(at, entry & HEIGHT_MASK);
    i32.copyWithin(slots, node >>> 2, (node >>> 2) + NODE_SLOTS);
    for (let slot = slots, end; slot < slots + NODE_SLOTS; slot = end) {
      end = runEnd(i32, slot, slots + NODE_SLOTS);
      this.#add(i32[slot]!, end - slot);
    }
    this.nodes.drop(node, 1);
  }

  // ---- removing ---------------------------------------------------------------------------------

  /** Removes the part of a section that lies in the addresses of an entry. */
  #remove(at: number, span: Span, atFirst: boolean, atLast: boolean): void {
    const i32 = this.#i32;
    if ((i32[at]! & HEIGHT_MASK) === 0) return this.#clear(at, at);
    this.#own(at);
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
    const side = this.#sideOf(i32[at]!, height, span, atFirst, atLast);
    if (side === NONE || !this.#hasAny(i32[at]!, height, span, atFirst, atLast)) return;
    const isFirst = atFirst && (side & FROM_FIRST) !== 0;
    const isLast = atLast && (side & TO_LAST) !== 0;
    if ((i32[at]! & HEIGHT_MASK) === 0 || (!isFirst && !isLast)) {
      this.#drop(i32[at]!, 1);
      i32[at] = 0;
      return;
    }
    this.#own(at);
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
    this.#dropSection(section, to + 1 - from);
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
    this.nodes.drop(slots * 4, 1);
    this.nodes.giveBack(slots * 4);
    i32[at] = only;
    if (entries > 1) this.#drop(only, entries - 1);
  }

  // ---- counting ---------------------------------------------------------------------------------

  #add(entry: number, entries: number): void {
    if (entry === 0) return;
    const cells = (entry & HEIGHT_MASK) === 0 ? this.sections : this.nodes;
    cells.add(entry & ADDRESS_MASK, entries);
  }

  #drop(entry: number, entries: number): void {
    if (entry === 0) return;
    if ((entry & HEIGHT_MASK) === 0) return this.#dropSection(entry, entries);
    const node = (entry & ADDRESS_MASK) >>> 0;
    if (!this.nodes.drop(node, entries)) return;
    const i32 = this.#i32;
    const slots = node >>> 2;
    for (let slot = slots, end; slot < slots + NODE_SLOTS; slot = end) {
      end = runEnd(i32, slot, slots + NODE_SLOTS);
      this.#drop(i32[slot]!, end - slot);
    }
    this.nodes.giveBack(node);
  }

  #dropSection(section: number, entries: number): void {
    if (!this.sections.drop(section, entries)) return;
    const region = SECTION.region.get(this.#u32, section >>> 0);
    this.sections.giveBack(section >>> 0);
    this.#freed(region);
  }

  #trim(): void {
    // Cells that a tree in progress has given back may still be among the fresh ones.
    if (this.#freshNodes.length + this.#freshSections.length > 0) return;
    this.nodes.trim();
    this.sections.trim();
  }

  // ---- reading ----------------------------------------------------------------------------------

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

  /**
   * Finds an address that an entry's node covers.
   *
   * @param entry The entry.
   * @param height The height of a node that covers all addresses of the entry.
   * @param high An address of the entry, upper half.
   * @param low Its lower half.
   */
  #findMember(entry: number, height: number, high: number, low: number): void {
    if (entry === this.#memberOf) return;
    this.#memberOf = entry;
    const i32 = this.#i32;
    let first = entry;
    while ((first & HEIGHT_MASK) !== 0) {
      let slot = (first & ADDRESS_MASK) >>> 2;
      while (i32[slot] === 0) slot++;
      first = i32[slot]!;
    }
    this.#high = SECTION.first.high(this.#u32, first >>> 0) | 0;
    this.#low = SECTION.first.low(this.#u32, first >>> 0) | 0;
    if (commonHeight(high, low, this.#high, this.#low) <= height) return;
    // The section starts before the entry's addresses, so it has the first of them.
    this.#high = startHi(high, height);
    this.#low = startLo(low, height);
  }

  #list(
    entry: number,
    height: number,
    span: Span,
    atFirst: boolean,
    atLast: boolean,
    found: number[],
  ): void {
    if (entry === 0) return;
    const nodeHeight = entry & HEIGHT_MASK;
    if (nodeHeight === 0) {
      const section = entry >>> 0;
      if (found[found.length - 1] !== section && this.#meets(section, span)) found.push(section);
      return;
    }
    const side = this.#sideOf(entry, height, span, atFirst, atLast);
    if (side === NONE) return;
    const isFirst = atFirst && (side & FROM_FIRST) !== 0;
    const isLast = atLast && (side & TO_LAST) !== 0;
    const i32 = this.#i32;
    const level = nodeHeight - 1;
    const slots = (entry & ADDRESS_MASK) >>> 2;
    const from = slots + (isFirst ? span.firstDigit(level) : 0);
    const to = slots + (isLast ? span.lastDigit(level) : LAST_SLOT);
    for (let slot = from; slot <= to; slot++) {
      const child = i32[slot]!;
      if (child === 0) continue;
      this.#list(child, level, span, isFirst && slot === from, isLast && slot === to, found);
    }
  }

  /** Whether any section has an address that is one of an entry's and of a span. */
  #hasAny(
    entry: number,
    height: number,
    span: Span,
    atFirst: boolean,
    atLast: boolean,
  ): boolean {
    if (entry === 0) return false;
    if ((entry & HEIGHT_MASK) === 0) return this.#meets(entry >>> 0, span);
    if (!atFirst && !atLast) return true;
    const side = this.#sideOf(entry, height, span, atFirst, atLast);
    if (side === NONE) return false;
    const isFirst = atFirst && (side & FROM_FIRST) !== 0;
    const isLast = atLast && (side & TO_LAST) !== 0;
    const i32 = this.#i32;
    const level = (entry & HEIGHT_MASK) - 1;
    const slots = (entry & ADDRESS_MASK) >>> 2;
    const from = slots + (isFirst ? span.firstDigit(level) : 0);
    const to = slots + (isLast ? span.lastDigit(level) : LAST_SLOT);
    for (let slot = from; slot <= to; slot++) {
      const child = i32[slot]!;
      if (child === 0) continue;
      if (this.#hasAny(child, level, span, isFirst && slot === from, isLast && slot === to)) {
        return true;
      }
    }
    return false;
  }

  /**
   * Where the addresses of an entry's node lie in a span, as far as they lie in those of the entry: the
   * node covers less than these where levels are left out.
   *
   * @returns {@linkcode NONE} if the span has none of them; else whether the span starts and ends
   * among them.
   */
  #sideOf(entry: number, height: number, span: Span, atFirst: boolean, atLast: boolean): number {
    const nodeHeight = entry & HEIGHT_MASK;
    if (nodeHeight === 0 || nodeHeight === height || !(atFirst || atLast)) {
      return MEETS | FROM_FIRST | TO_LAST;
    }
    const { firstHi, firstLo, lastHi, lastLo } = span;
    this.#findMember(entry, height, atFirst ? firstHi : lastHi, atFirst ? firstLo : lastLo);
    const high = this.#high;
    const low = this.#low;
    let side = MEETS | FROM_FIRST | TO_LAST;
    if (atFirst && commonHeight(high, low, firstHi, firstLo) > nodeHeight) {
      if (isBelow(high, low, firstHi, firstLo)) return NONE;
      side &= ~FROM_FIRST;
    }
    if (atLast && commonHeight(high, low, lastHi, lastLo) > nodeHeight) {
      if (isBelow(lastHi, lastLo, high, low)) return NONE;
      side &= ~TO_LAST;
    }
    return side;
  }

  /** Whether a section has any address of a span. */
  #meets(section: number, { firstHi, firstLo, lastHi, lastLo }: Span): boolean {
    const words = this.#u32;
    const { first, last } = SECTION;
    return !isBelow(last.high(words, section), last.low(words, section), firstHi, firstLo) &&
      !isBelow(lastHi, lastLo, first.high(words, section), first.low(words, section));
  }
}

/** Index of the word behind a run of equal words. */
function runEnd(i32: Int32Array, start: number, end: number): number {
  const value = i32[start];
  let at = start + 1;
  while (at < end && i32[at] === value) at++;
  return at;
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
