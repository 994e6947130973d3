/**
 * Finding sections in a tree by their addresses.
 *
 * @module
 */

import { isBelow } from "../address/halves.ts";
import { HEIGHT_MASK, MAX_HEIGHT, NODE_SLOTS, SECTION } from "../kernel/layouts.ts";
import { commonHeight, Span, startHi, startLo } from "./span.ts";
import { ADDRESS_MASK, type TreeCells } from "./tree_cells.ts";

const LAST_SLOT = NODE_SLOTS - 1;

// How a span meets a node: whether at all, and then whether it starts in it, and ends in it.
/** The span has no address of the node. */
export const NONE = 0;
const MEETS = 1;
/** The span starts in the node. */
export const FROM_FIRST = 2;
/** The span ends in the node. */
export const TO_LAST = 4;

/** Looks sections up in trees, each known by its root entry. */
export class TreeSearch {
  // What `findMember` found, and for which entry. A node covers the same addresses all its life, so this
  // holds until a new node may lie where that one did.
  #memberOf = 0;
  #nodesTaken = 0;
  /** Upper half of the address that `findMember` found. */
  high = 0;
  /** Lower half of the address that `findMember` found. */
  low = 0;
  readonly #i32: Int32Array;
  readonly #u32: Uint32Array;
  readonly #cells: Pick<TreeCells, "nodesTaken">;
  readonly #span = new Span();

  /**
   * @param i32 The arena as signed words.
   * @param u32 The arena as unsigned words.
   * @param cells The trees' nodes.
   */
  constructor(i32: Int32Array, u32: Uint32Array, cells: Pick<TreeCells, "nodesTaken">) {
    this.#i32 = i32;
    this.#u32 = u32;
    this.#cells = cells;
  }

  /** Whether any section has any of some addresses. */
  hasAny(
    entry: number,
    firstHi: number,
    firstLo: number,
    lastHi: number,
    lastLo: number,
  ): boolean {
    this.#span.set(firstHi, firstLo, lastHi, lastLo);
    return this.meetsAny(entry, MAX_HEIGHT, this.#span, true, true);
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
    this.#span.set(firstHi, firstLo, lastHi, lastLo);
    const found: number[] = [];
    this.#list(entry, MAX_HEIGHT, this.#span, true, true, found);
    return found;
  }

  /**
   * Finds an address that an entry's node covers.
   *
   * @param entry The entry.
   * @param height The height of a node that covers all addresses of the entry.
   * @param high An address of the entry, upper half.
   * @param low Its lower half.
   */
  findMember(entry: number, height: number, high: number, low: number): void {
    const { nodesTaken } = this.#cells;
    if (entry === this.#memberOf && nodesTaken === this.#nodesTaken) return;
    this.#memberOf = entry;
    this.#nodesTaken = nodesTaken;
    const i32 = this.#i32;
    let first = entry;
    while ((first & HEIGHT_MASK) !== 0) {
      let slot = (first & ADDRESS_MASK) >>> 2;
      while (i32[slot] === 0) slot++;
      first = i32[slot]!;
    }
    this.high = SECTION.first.high(this.#u32, first >>> 0) | 0;
    this.low = SECTION.first.low(this.#u32, first >>> 0) | 0;
    if (commonHeight(high, low, this.high, this.low) <= height) return;
    // The section starts before the entry's addresses, so it has the first of them.
    this.high = startHi(high, height);
    this.low = startLo(low, height);
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
    const side = this.sideOf(entry, height, span, atFirst, atLast);
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
  meetsAny(
    entry: number,
    height: number,
    span: Span,
    atFirst: boolean,
    atLast: boolean,
  ): boolean {
    if (entry === 0) return false;
    if ((entry & HEIGHT_MASK) === 0) return this.#meets(entry >>> 0, span);
    if (!atFirst && !atLast) return true;
    const side = this.sideOf(entry, height, span, atFirst, atLast);
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
      if (this.meetsAny(child, level, span, isFirst && slot === from, isLast && slot === to)) {
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
  sideOf(entry: number, height: number, span: Span, atFirst: boolean, atLast: boolean): number {
    const nodeHeight = entry & HEIGHT_MASK;
    if (nodeHeight === 0 || nodeHeight === height || !(atFirst || atLast)) {
      return MEETS | FROM_FIRST | TO_LAST;
    }
    const { firstHi, firstLo, lastHi, lastLo } = span;
    this.findMember(entry, height, atFirst ? firstHi : lastHi, atFirst ? firstLo : lastLo);
    const high = this.high;
    const low = this.low;
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
