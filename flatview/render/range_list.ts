import { SECTION } from "@guestmem/physmap";
import type { MemoryRegion } from "../region/memory_region.ts";
import { RangeFlag } from "../region/range_flags.ts";
import { TWO32 } from "../region/split64.ts";
import { Frame } from "./frame.ts";
import { RangeRows } from "./range_rows.ts";

/**
 * The sorted list of ranges that one rendering fills. What is in the list already wins: an insertion
 * fills only the gaps. The ranges are columns in a pool, and their order is a list of pool indices, so
 * an insertion in the middle moves one word for each range behind it, and nothing is allocated once
 * the list has grown to a machine's size. One list serves all renderings.
 */
export class RangeList {
  /** The joined ranges, once `join` was called. */
  readonly rows: RangeRows = new RangeRows();
  /** Ranges before joining. */
  #count = 0;
  #order = new Uint32Array(64);
  #startHi = new Float64Array(64);
  #startLo = new Float64Array(64);
  #endHi = new Float64Array(64);
  #endLo = new Float64Array(64);
  #offsetHi = new Float64Array(64);
  #offsetLo = new Float64Array(64);
  #flags = new Uint32Array(64);
  #regions: MemoryRegion[] = [];

  /** Empties the list. */
  clear(): void {
    // The array of regions keeps its length: growing it again would be most of what a rendering allocates.
    this.#count = 0;
    this.rows.clear();
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
    let slot = this.#firstEndingAfter(frames, at);
    while (hi < endHi || (hi === endHi && lo < endLo)) {
      let gapHi = endHi;
      let gapLo = endLo;
      let next = -1;
      if (slot < this.#count) {
        next = this.#order[slot]!;
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
        const index = this.#open(slot++, region, flags, frames, at);
        this.#endHi[index] = gapHi;
        this.#endLo[index] = gapLo;
      }
      if (next < 0) return;
      frames[at + Frame.START_HI] = hi = this.#endHi[next]!;
      frames[at + Frame.START_LO] = lo = this.#endLo[next]!;
      slot++;
    }
  }

  /** Joins neighbours that show contiguous parts of one region alike, and puts the result in `rows`. */
  join(): void {
    this.rows.reserve(this.#count);
    for (let i = 0; i < this.#count; i++) {
      const index = this.#order[i]!;
      if (i > 0 && this.#continues(this.#order[i - 1]!, index)) this.#extendRow(index);
      else this.#writeRow(index);
    }
  }

  /** Index of the first range whose end lies behind a frame's start. */
  #firstEndingAfter(frames: Float64Array, at: number): number {
    const hi = frames[at + Frame.START_HI]!;
    const lo = frames[at + Frame.START_LO]!;
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const index = this.#order[middle]!;
      const endHi = this.#endHi[index]!;
      if (endHi > hi || (endHi === hi && this.#endLo[index]! > lo)) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Opens a new range at a slot of the order, from a frame's start on; the caller sets its end. */
  #open(
    slot: number,
    region: MemoryRegion,
    flags: number,
    frames: Float64Array,
    at: number,
  ): number {
    const index = this.#count++;
    if (index === this.#order.length) this.#grow();
    if (slot < index) this.#order.copyWithin(slot + 1, slot, index);
    this.#order[slot] = index;
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
      this.#endHi[left] !== this.#startHi[right] || this.#endLo[left] !== this.#startLo[right] ||
      (this.#flags[left]! & RangeFlag.UNMERGEABLE) !== 0
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
    const { rows } = this;
    const region = this.#regions[index]!;
    const base = rows.add(region);
    SECTION.first.setHalves(rows.u32, base, this.#startLo[index]!, this.#startHi[index]!);
    SECTION.offset.setHalves(rows.u32, base, this.#offsetLo[index]!, this.#offsetHi[index]!);
    SECTION.region.set(rows.u32, base, region.id);
    SECTION.flags.set(rows.u32, base, this.#flags[index]!);
    this.#writeLast(base, index);
  }

  #extendRow(index: number): void {
    this.#writeLast((this.rows.count - 1) * SECTION.size, index);
  }

  #writeLast(base: number, index: number): void {
    const lo = this.#endLo[index]!;
    const hi = this.#endHi[index]!;
    if (lo === 0) SECTION.last.setHalves(this.rows.u32, base, TWO32 - 1, hi - 1);
    else SECTION.last.setHalves(this.rows.u32, base, lo - 1, hi);
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
