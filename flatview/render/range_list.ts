import type { MemoryRegion } from "../region/memory_region.ts";
import { TWO32 } from "../region/split64.ts";

/** Words of a flat range as it lies in shared memory. First and last are inclusive; low halves come first. */
export const RangeWord = {
  FIRST_LO: 0,
  FIRST_HI: 1,
  LAST_LO: 2,
  LAST_HI: 3,
  OFFSET_LO: 4,
  OFFSET_HI: 5,
  REGION: 6,
  FLAGS: 7,
} as const;

/** Positions of a frame: where a region lies while it is rendered, and the clip, end exclusive. */
export const Frame = {
  BASE_HI: 0,
  BASE_LO: 1,
  START_HI: 2,
  START_LO: 3,
  END_HI: 4,
  END_LO: 5,
} as const;

/** Numbers that one frame takes. */
export const FRAME = 6;

/** Words that one flat range takes. */
export const RANGE_WORDS = 8;

/**
 * The sorted list of ranges that one rendering fills. What is there already wins: an insertion
 * fills the gaps only. Columns in a pool, and the order as a list of pool indices, so that an
 * insertion in the middle moves one word for each range behind it, and nothing is allocated once
 * the list has grown to a machine's size. One list serves all renderings.
 */
export class RangeList {
  /** Ranges before joining. */
  count = 0;
  #order = new Uint32Array(64);
  #startHi = new Float64Array(64);
  #startLo = new Float64Array(64);
  #endHi = new Float64Array(64);
  #endLo = new Float64Array(64);
  #offsetHi = new Float64Array(64);
  #offsetLo = new Float64Array(64);
  #flags = new Uint32Array(64);
  #regions: MemoryRegion[] = [];
  /** The joined ranges, {@linkcode RANGE_WORDS} words each. */
  rows = new Uint32Array(64 * RANGE_WORDS);
  readonly #rowRegions: MemoryRegion[] = [];
  /** Joined ranges. */
  rowCount = 0;

  /** Empties the list. */
  clear(): void {
    // The arrays of regions keep their length: growing them anew is most of what a rendering would allocate.
    this.count = 0;
    this.rowCount = 0;
  }

  /**
   * Fills what is still free of a frame's clip with a region whose first byte lies at the frame's
   * base. The clip is not empty, starts in [0, 2^64) and ends in (0, 2^64].
   *
   * @param region The region.
   * @param flags The flags of the ranges.
   * @param frames Positions, {@linkcode FRAME} for each frame.
   * @param at Where the frame starts; its START is moved.
   */
  insert(region: MemoryRegion, flags: number, frames: Float64Array, at: number): void {
    const endHi = frames[at + Frame.END_HI]!;
    const endLo = frames[at + Frame.END_LO]!;
    let hi = frames[at + Frame.START_HI]!;
    let lo = frames[at + Frame.START_LO]!;
    let place = this.#firstEndingAfter(frames, at);
    while (hi < endHi || (hi === endHi && lo < endLo)) {
      let gapHi = endHi;
      let gapLo = endLo;
      let next = -1;
      if (place < this.count) {
        next = this.#order[place]!;
        const nextHi = this.#startHi[next]!;
        const nextLo = this.#startLo[next]!;
        if (nextHi < endHi || (nextHi === endHi && nextLo < endLo)) {
          gapHi = nextHi;
          gapLo = nextLo;
        } else {
          next = -1;
        }
      }
      if (hi < gapHi || (hi === gapHi && lo < gapLo)) {
        const index = this.#open(place++, region, flags, frames, at);
        this.#endHi[index] = gapHi;
        this.#endLo[index] = gapLo;
      }
      if (next < 0) return;
      frames[at + Frame.START_HI] = hi = this.#endHi[next]!;
      frames[at + Frame.START_LO] = lo = this.#endLo[next]!;
      place++;
    }
  }

  /**
   * Puts the joined ranges, which are those of a window, in the place of some of a view's ranges.
   *
   * @param words The words in which the view lies.
   * @param base Index of the view's first range.
   * @param regions The regions of the view's ranges.
   * @param from First range to replace.
   * @param to The range behind the last to replace.
   */
  spliceInto(
    words: Uint32Array,
    base: number,
    regions: readonly MemoryRegion[],
    from: number,
    to: number,
  ): void {
    const fresh = this.rowCount;
    const count = regions.length - (to - from) + fresh;
    if (this.rows.length < count * RANGE_WORDS) {
      const wide = new Uint32Array(count * 2 * RANGE_WORDS);
      wide.set(this.rows.subarray(0, fresh * RANGE_WORDS));
      this.rows = wide;
    }
    const rows = this.rows;
    rows.copyWithin(from * RANGE_WORDS, 0, fresh * RANGE_WORDS);
    rows.set(words.subarray(base, base + from * RANGE_WORDS), 0);
    rows.set(
      words.subarray(base + to * RANGE_WORDS, base + regions.length * RANGE_WORDS),
      (from + fresh) * RANGE_WORDS,
    );
    const middle = this.rowRegions();
    for (let i = 0; i < from; i++) this.#rowRegions[i] = regions[i]!;
    for (let i = 0; i < fresh; i++) this.#rowRegions[from + i] = middle[i]!;
    for (let i = to; i < regions.length; i++) {
      this.#rowRegions[from + fresh + i - to] = regions[i]!;
    }
    this.rowCount = count;
  }

  /** The region of each joined range. */
  rowRegions(): MemoryRegion[] {
    return this.#rowRegions.slice(0, this.rowCount);
  }

  /** Joins neighbours that show contiguous parts of one region alike, and writes the result to `rows`. */
  join(): void {
    if (this.rows.length < this.count * RANGE_WORDS) {
      this.rows = new Uint32Array(this.#order.length * RANGE_WORDS);
    }
    for (let i = 0; i < this.count; i++) {
      const index = this.#order[i]!;
      if (this.rowCount > 0 && this.#continues(this.#order[i - 1]!, index)) this.#extendRow(index);
      else this.#writeRow(index);
    }
  }

  /** Index of the first range whose end lies behind a frame's start. */
  #firstEndingAfter(frames: Float64Array, at: number): number {
    const hi = frames[at + Frame.START_HI]!;
    const lo = frames[at + Frame.START_LO]!;
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const index = this.#order[middle]!;
      const endHi = this.#endHi[index]!;
      if (endHi > hi || (endHi === hi && this.#endLo[index]! > lo)) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Puts a new range in its place, from a frame's start on; its end is the caller's to set. */
  #open(
    place: number,
    region: MemoryRegion,
    flags: number,
    frames: Float64Array,
    at: number,
  ): number {
    const index = this.count++;
    if (index === this.#order.length) this.#grow();
    if (place < index) this.#order.copyWithin(place + 1, place, index);
    this.#order[place] = index;
    const startHi = frames[at + Frame.START_HI]!;
    const startLo = frames[at + Frame.START_LO]!;
    this.#startHi[index] = startHi;
    this.#startLo[index] = startLo;
    const offsetLo = startLo - frames[at + Frame.BASE_LO]!;
    const borrow = offsetLo < 0 ? 1 : 0;
    this.#offsetHi[index] = startHi - frames[at + Frame.BASE_HI]! - borrow;
    this.#offsetLo[index] = offsetLo + borrow * TWO32;
    this.#flags[index] = flags;
    this.#regions[index] = region;
    return index;
  }

  #continues(left: number, right: number): boolean {
    if (
      this.#regions[left] !== this.#regions[right] || this.#flags[left] !== this.#flags[right] ||
      this.#endHi[left] !== this.#startHi[right] || this.#endLo[left] !== this.#startLo[right]
    ) return false;
    // Positions are adjacent, so offsets run on if both ranges have the same base.
    let lo = this.#startLo[right]! - this.#startLo[left]!;
    let hi = this.#startHi[right]! - this.#startHi[left]!;
    lo += this.#offsetLo[left]!;
    hi += this.#offsetHi[left]!;
    if (lo < 0) return lo + TWO32 === this.#offsetLo[right] && hi - 1 === this.#offsetHi[right];
    if (lo >= TWO32) {
      return lo - TWO32 === this.#offsetLo[right] && hi + 1 === this.#offsetHi[right];
    }
    return lo === this.#offsetLo[right] && hi === this.#offsetHi[right];
  }

  #writeRow(index: number): void {
    const rows = this.rows;
    const row = this.rowCount++;
    const at = row * RANGE_WORDS;
    rows[at + RangeWord.FIRST_HI] = this.#startHi[index]!;
    rows[at + RangeWord.FIRST_LO] = this.#startLo[index]!;
    rows[at + RangeWord.OFFSET_HI] = this.#offsetHi[index]!;
    rows[at + RangeWord.OFFSET_LO] = this.#offsetLo[index]!;
    rows[at + RangeWord.REGION] = this.#regions[index]!.id;
    rows[at + RangeWord.FLAGS] = this.#flags[index]!;
    this.#rowRegions[row] = this.#regions[index]!;
    this.#writeLast(at, index);
  }

  #extendRow(index: number): void {
    this.#writeLast((this.rowCount - 1) * RANGE_WORDS, index);
  }

  #writeLast(at: number, index: number): void {
    const lo = this.#endLo[index]!;
    this.rows[at + RangeWord.LAST_HI] = lo === 0 ? this.#endHi[index]! - 1 : this.#endHi[index]!;
    this.rows[at + RangeWord.LAST_LO] = lo === 0 ? TWO32 - 1 : lo - 1;
  }

  #grow(): void {
    const wide = this.#order.length * 2;
    const copy = <T extends Float64Array | Uint32Array>(from: T, to: T): T => {
      to.set(from);
      return to;
    };
    this.#order = copy(this.#order, new Uint32Array(wide));
    this.#flags = copy(this.#flags, new Uint32Array(wide));
    this.#startHi = copy(this.#startHi, new Float64Array(wide));
    this.#startLo = copy(this.#startLo, new Float64Array(wide));
    this.#endHi = copy(this.#endHi, new Float64Array(wide));
    this.#endLo = copy(this.#endLo, new Float64Array(wide));
    this.#offsetHi = copy(this.#offsetHi, new Float64Array(wide));
    this.#offsetLo = copy(this.#offsetLo, new Float64Array(wide));
  }
}
