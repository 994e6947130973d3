import { SECTION } from "@guestmem/physmap";
import type { MemoryRegion } from "../region/memory_region.ts";
import { type FlatRange, readRange } from "./flat_range.ts";

/** Words of one range. */
const RANGE_WORDS = SECTION.size / Uint32Array.BYTES_PER_ELEMENT;

/** Ranges, each laid out as a section of a map, and the region of each. */
export class RangeRows {
  /** The ranges, `SECTION.size` bytes each. */
  u32: Uint32Array = new Uint32Array(64 * RANGE_WORDS);
  /** How many there are. */
  count = 0;
  readonly #regions: MemoryRegion[] = [];

  /** Empties the list. */
  clear(): void {
    // The array of regions keeps its length: growing it again would be most of what a rendering allocates.
    this.count = 0;
  }

  /**
   * Makes room. What is there already is kept.
   *
   * @param count How many ranges there will be.
   */
  reserve(count: number): void {
    if (this.u32.length >= count * RANGE_WORDS) return;
    const wide = new Uint32Array(count * 2 * RANGE_WORDS);
    wide.set(this.u32.subarray(0, this.count * RANGE_WORDS));
    this.u32 = wide;
  }

  /**
   * Adds a range at the end, for which there must be room.
   *
   * @param region The region that answers.
   * @returns Byte offset in `u32` of the range, whose fields the caller sets.
   */
  add(region: MemoryRegion): number {
    this.#regions[this.count] = region;
    return this.count++ * SECTION.size;
  }

  /** The region of each range. */
  regions(): MemoryRegion[] {
    return this.#regions.slice(0, this.count);
  }

  /** The region of one range. */
  region(index: number): MemoryRegion {
    return this.#regions[index]!;
  }

  /** Takes the last range out. */
  pop(): void {
    this.count--;
  }

  /** Whether a range is a section. */
  equals(row: number, u32: Uint32Array, section: number): boolean {
    const [left, right] = [row * RANGE_WORDS, section >>> 2];
    for (let word = 0; word < RANGE_WORDS; word++) {
      if (this.u32[left + word] !== u32[right + word]) return false;
    }
    return true;
  }

  /** Copies a range to the place of an earlier one. */
  move(from: number, to: number): void {
    if (from === to) return;
    this.#regions[to] = this.#regions[from]!;
    this.u32.copyWithin(to * RANGE_WORDS, from * RANGE_WORDS, (from + 1) * RANGE_WORDS);
  }

  /** All ranges by rising address. */
  ranges(): FlatRange[] {
    return this.regions().map((region, row) => readRange(this.u32, row * SECTION.size, region));
  }
}
