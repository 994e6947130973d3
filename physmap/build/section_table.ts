/**
 * The section rows of a map under construction.
 *
 * @module
 */

import { PhysMapError } from "../errors/physmap_error.ts";
import { CONTAINER, NO_REGION, SECTION, SECTION_FLAG } from "../kernel/layouts.ts";
import { grown } from "./growable.ts";

const ROW_WORDS = SECTION.size / 4;

/** Rows as the arena gets them, numbered from 0 = unassigned. */
export class SectionTable {
  /** The rows; only the first `count` of them are in use. */
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
   * Adds a row. For a container, `offsetLo` is the number of its table.
   *
   * @returns Its number.
   * @throws {PhysMapError} TOO_MANY_SECTIONS.
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
    const { count, limit } = this;
    if (count === limit) throw new PhysMapError("TOO_MANY_SECTIONS", { limit });
    const length = count * ROW_WORDS;
    if (length === this.words.length) this.words = grown(this.words, length + ROW_WORDS);
    const words = this.words;
    const row = count * SECTION.size;
    SECTION.first.setHalves(words, row, firstLo, firstHi);
    SECTION.last.setHalves(words, row, lastLo, lastHi);
    SECTION.offset.setHalves(words, row, offsetLo, offsetHi);
    SECTION.region.set(words, row, region);
    SECTION.flags.set(words, row, flags);
    return this.count++;
  }

  /** The flags of a row. */
  flags(section: number): number {
    return SECTION.flags.get(this.words, section * SECTION.size);
  }

  /** The number of a container's table. */
  table(container: number): number {
    return CONTAINER.table.get(this.words, container * SECTION.size);
  }

  /** Notes that a page in a section's range now points at another section. */
  overlay(section: number): void {
    if (section === 0) return;
    const row = section * SECTION.size;
    SECTION.flags.set(this.words, row, this.flags(section) | SECTION_FLAG.OVERLAID);
  }
}
