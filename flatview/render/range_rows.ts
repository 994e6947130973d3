import type { MemoryRegion } from "../region/memory_region.ts";
import { type FlatRange, readRange } from "./flat_range.ts";
import { RANGE } from "./range.ts";

/** Words of one range. */
const RANGE_WORDS = RANGE.size / Uint32Array.BYTES_PER_ELEMENT;

/** The ranges that a rendering results in, laid out as in a view, and the region of each. */
export class RangeRows {
  /** The ranges, `RANGE.size` bytes each. */
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
    wide.set(this.#words());
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
    return this.count++ * RANGE.size;
  }

  #words(): Uint32Array {
    return this.u32.subarray(0, this.count * RANGE_WORDS);
  }

  /**
   * Copies all ranges.
   *
   * @param u32 The memory to copy to.
   * @param base Byte address of the first range there.
   */
  writeTo(u32: Uint32Array, base: number): void {
    u32.set(this.#words(), base >>> 2);
  }

  /** The region of each range. */
  regions(): MemoryRegion[] {
    return this.#regions.slice(0, this.count);
  }

  /** All ranges by rising address. */
  ranges(): FlatRange[] {
    return this.regions().map((region, row) => readRange(this.u32, row * RANGE.size, region));
  }

  /**
   * Whether the ranges are those that lie at an address.
   *
   * @param u32 The memory.
   * @param base Byte address of the first range there.
   * @param count How many ranges there are.
   */
  equal(u32: Uint32Array, base: number, count: number): boolean {
    if (count !== this.count) return false;
    const [rows, at, words] = [this.u32, base >>> 2, count * RANGE_WORDS];
    for (let i = 0; i < words; i++) if (u32[at + i] !== rows[i]) return false;
    return true;
  }

  /**
   * Completes the ranges of a window with those of a view outside of it: the result is the view's
   * ranges, of which those of the window replace some.
   *
   * @param u32 The memory in which the view lies.
   * @param base Byte address of the view's first range.
   * @param regions The regions of the view's ranges.
   * @param from First range to replace.
   * @param to The range behind the last to replace.
   */
  replaceIn(
    u32: Uint32Array,
    base: number,
    regions: readonly MemoryRegion[],
    from: number,
    to: number,
  ): void {
    const fresh = this.count;
    const tail = regions.length - to;
    this.reserve(from + fresh + tail);
    const rows = this.u32;
    const view = u32.subarray(base >>> 2, (base >>> 2) + regions.length * RANGE_WORDS);
    rows.copyWithin(from * RANGE_WORDS, 0, fresh * RANGE_WORDS);
    rows.set(view.subarray(0, from * RANGE_WORDS));
    rows.set(view.subarray(to * RANGE_WORDS), (from + fresh) * RANGE_WORDS);
    const middle = this.regions();
    const all = this.#regions;
    for (let i = 0; i < from; i++) all[i] = regions[i]!;
    for (let i = 0; i < fresh; i++) all[from + i] = middle[i]!;
    for (let i = 0; i < tail; i++) all[from + fresh + i] = regions[to + i]!;
    this.count = from + fresh + tail;
  }
}
