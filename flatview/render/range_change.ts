import { SECTION } from "@guestmem/physmap";
import type { MemoryRegion } from "../region/memory_region.ts";
import { RangeFlag } from "../region/range_flags.ts";
import { RangeRows } from "./range_rows.ts";

/** Words of a range. */
const WORDS = SECTION.size / 4;

/**
 * How the ranges of a view change: those that go, and those that come. A range of the view is known by
 * its section, an offset in shared memory.
 *
 * It is put together by rising address: `take` for each range of the view that may change, `keep` for
 * what of it stays, `put` for what is new. Neighbours join as in a rendering. In the end, `settle`
 * drops what goes and comes alike.
 */
export class RangeChange {
  /** The ranges of the view that go. */
  readonly removed: number[] = [];
  /** The ranges that come. */
  readonly added: RangeRows = new RangeRows();
  /**
   * After `settle`: the index of the first range that goes of each run. In a run nothing that stays lies
   * between two ranges.
   */
  readonly runs: number[] = [];
  /** Where in `removed` the taken ranges do not follow those before. */
  readonly #starts: number[] = [];
  readonly #u32: Uint32Array;

  /** @param u32 The shared memory. */
  constructor(u32: Uint32Array) {
    this.#u32 = u32;
  }

  /** Empties it. */
  clear(): void {
    this.removed.length = 0;
    this.#starts.length = 0;
    this.runs.length = 0;
    this.added.clear();
  }

  /** How many ranges go and come. */
  get size(): number {
    return this.removed.length + this.added.count;
  }

  /**
   * Ranges of the view go that follow one another, but for what `keep` says. The first may be the last
   * that was taken: then it is taken once.
   */
  take(sections: readonly number[]): void {
    const { removed } = this;
    const isSame = removed.length > 0 && removed[removed.length - 1] === sections[0];
    if (!isSame) this.#starts.push(removed.length);
    for (let at = isSame ? 1 : 0; at < sections.length; at++) removed.push(sections[at]!);
  }

  /**
   * A part of a range of the view comes back.
   *
   * @param section The range.
   * @param region Its region.
   * @param first First address of the part.
   * @param last Last address of the part, inclusive; may be less than `first` for none.
   */
  keep(section: number, region: MemoryRegion, first: bigint, last: bigint): void {
    if (last < first) return;
    const u32 = this.#u32;
    const start = SECTION.first.getBig(u32, section);
    const at = this.#add(u32, section, region);
    const rows = this.added.u32;
    SECTION.first.setBig(rows, at, first);
    SECTION.last.setBig(rows, at, last);
    SECTION.offset.setBig(rows, at, SECTION.offset.getBig(u32, section) + (first - start));
    this.#join(at);
  }

  /** Ranges come, as they were rendered. */
  put(rows: RangeRows): void {
    for (let row = 0; row < rows.count; row++) {
      this.#join(this.#add(rows.u32, row * SECTION.size, rows.region(row)));
    }
  }

  /** All ranges of a view go, and those of a rendering come. */
  replaceAll(sections: readonly number[], rows: RangeRows): void {
    this.clear();
    this.take(sections);
    this.put(rows);
    this.settle();
  }

  /** Drops what goes and comes alike. */
  settle(): void {
    const { removed, added } = this;
    let kept = 0;
    let left = 0;
    let row = 0;
    let start = 0;
    let isNewRun = true;
    for (let at = 0; at < removed.length; at++) {
      const section = removed[at]!;
      if (this.#starts[start] === at) {
        isNewRun = true;
        start++;
      }
      while (row < added.count && this.#compare(section, row) > 0) added.move(row++, kept++);
      if (row < added.count && added.equals(row, this.#u32, section)) {
        row++;
        isNewRun = true;
        continue;
      }
      if (isNewRun) this.runs.push(left);
      isNewRun = false;
      removed[left++] = section;
    }
    while (row < added.count) added.move(row++, kept++);
    removed.length = left;
    added.count = kept;
  }

  /** Copies a range to the end; its offset in the rows. */
  #add(u32: Uint32Array, base: number, region: MemoryRegion): number {
    const { added } = this;
    added.reserve(added.count + 1);
    const at = added.add(region);
    const rows = added.u32;
    for (let word = 0; word < WORDS; word++) rows[(at >>> 2) + word] = u32[(base >>> 2) + word]!;
    return at;
  }

  /** Joins the last range with the one before, if it continues that. */
  #join(at: number): void {
    if (at === 0) return;
    const rows = this.added.u32;
    const before = at - SECTION.size;
    const flags = SECTION.flags.get(rows, at);
    if (
      SECTION.region.get(rows, before) !== SECTION.region.get(rows, at) ||
      SECTION.flags.get(rows, before) !== flags || (flags & RangeFlag.UNMERGEABLE) !== 0
    ) return;
    const { first, last, offset } = SECTION;
    const endLo = (last.low(rows, before) + 1) >>> 0;
    const endHi = (last.high(rows, before) + (endLo === 0 ? 1 : 0)) >>> 0;
    if (endLo !== first.low(rows, at) || endHi !== first.high(rows, at)) return;
    // Both are adjacent, so offsets run on if they differ from the addresses by the same.
    const isBorrow = (low: number, high: number) => low < high ? 1 : 0;
    const [of, ff] = [offset.low(rows, before), first.low(rows, before)];
    const [ot, ft] = [offset.low(rows, at), first.low(rows, at)];
    const sameLow = ((of - ff) | 0) === ((ot - ft) | 0);
    const sameHigh =
      ((offset.high(rows, before) - first.high(rows, before) - isBorrow(of, ff)) | 0) ===
        ((offset.high(rows, at) - first.high(rows, at) - isBorrow(ot, ft)) | 0);
    if (!sameLow || !sameHigh) return;
    last.setHalves(rows, before, last.low(rows, at), last.high(rows, at));
    this.added.pop();
  }

  /** Whether a section starts behind a range that comes (1), before it (-1), or where it does (0). */
  #compare(section: number, row: number): number {
    const { first } = SECTION;
    const rows = this.added.u32;
    const at = row * SECTION.size;
    const high = first.high(this.#u32, section) - first.high(rows, at);
    return Math.sign(high === 0 ? first.low(this.#u32, section) - first.low(rows, at) : high);
  }
}
