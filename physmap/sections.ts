/**
 * The section rows of a map under construction.
 *
 * @module
 */

import { grown } from "./_growable.ts";
import { TooManySectionsError } from "./errors.ts";
import { NO_REGION, OVERLAID, SECTION, SECTION_BYTES } from "./layout.ts";

const ROW_WORDS = SECTION_BYTES / 4;
const FLAGS_WORD = SECTION.flags / 4;

/** Rows in the layout that the arena gets, numbered from 0 = unassigned. */
export class SectionTable {
  /** The rows; only the first `count` of them mean anything. */
  words: Uint32Array<ArrayBuffer> = new Uint32Array(64 * ROW_WORDS);
  /** How many rows there are. */
  count = 0;
  /** At most this many rows. */
  readonly limit: number;

  /** @param limit At most this many rows, #0 included. */
  constructor(limit: number) {
    this.limit = limit;
    this.reset();
  }

  /** Leaves only #0, which covers everything. */
  reset(): void {
    this.count = 0;
    this.add(0, 0, -1, -1, 0, 0, NO_REGION, 0);
  }

  /**
   * Adds a row.
   *
   * @returns Its number.
   * @throws {TooManySectionsError} If there are `limit` already.
   */
  add(
    firstHi: number,
    firstLo: number,
    lastHi: number,
    lastLo: number,
    offsetHi: number,
    offsetLo: number,
    region: number,
    flags: number,
  ): number {
    if (this.count === this.limit) throw new TooManySectionsError(this.limit);
    const at = this.count * ROW_WORDS;
    if (at === this.words.length) this.words = grown(this.words, at + ROW_WORDS);
    const words = this.words;
    words[at] = firstLo;
    words[at + 1] = firstHi;
    words[at + 2] = lastLo;
    words[at + 3] = lastHi;
    words[at + 4] = offsetLo;
    words[at + 5] = offsetHi;
    words[at + 6] = region;
    words[at + FLAGS_WORD] = flags;
    return this.count++;
  }

  /** The flags of a row. */
  flags(section: number): number {
    return this.words[section * ROW_WORDS + FLAGS_WORD]!;
  }

  /** The number of a container's table. */
  table(container: number): number {
    return this.words[container * ROW_WORDS + SECTION.table / 4]!;
  }

  /** Notes that a page in a section's range now points at another section. */
  overlay(section: number): void {
    if (section !== 0) this.words[section * ROW_WORDS + FLAGS_WORD]! |= OVERLAID;
  }
}
