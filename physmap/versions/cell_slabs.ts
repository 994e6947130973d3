/**
 * Counted cells of one size, in slabs of the arena.
 *
 * @module
 */

import type { BlockAllocator } from "@guestmem/rcu";

/** Bytes of a slab, and its alignment. */
const SLAB_BYTES = 4096;
/** In the first word of a slab: how many cells are in use (low half), and the first that is not. */
const USED = 0xffff;
/** In a cell's count: the cell belongs to a version that is not finished. */
const FRESH = 0x8000_0000 | 0;
/** What a cell holds that is not in use: as an entry, it leads out of every memory. */
const POISON = -1;

/**
 * The nodes or the sections of all versions of a map. They come and go by the dozen with each
 * version, so they are cut from slabs: taking one costs a few instructions, and 4 KiB hold 112
 * sections or 7 nodes.
 *
 * Each cell has a count: of the entries that point at it. Counts are written and read by the control
 * context alone. They lie at the beginning of the slab, away from what readers load:
 *
 * ```text
 * word 0       cells in use, and the first free cell
 * word i       count of cell i; of a free cell, the next free one (0: none)
 * cell i       at i x size of a cell; those that the words take up do not exist
 * ```
 */
export class CellSlabs {
  readonly #memory: BlockAllocator;
  readonly #i32: Int32Array;
  readonly #shift: number;
  readonly #first: number;
  readonly #cells: number;
  /** Slabs with free cells. */
  readonly #open: number[] = [];
  /** Slabs with no cell in use. */
  #empty = 0;
  #live = 0;

  /**
   * @param memory The arena.
   * @param cellBytes A power of two, 32 to 512.
   */
  constructor(memory: BlockAllocator, cellBytes: number) {
    this.#memory = memory;
    this.#i32 = memory.i32;
    this.#shift = Math.log2(cellBytes);
    this.#cells = SLAB_BYTES / cellBytes;
    this.#first = Math.ceil(this.#cells * 4 / cellBytes);
  }

  /** How many cells are in use. */
  get live(): number {
    return this.#live;
  }

  /**
   * Takes a cell, whose count is 0 and which is marked as fresh. It holds anything.
   *
   * @throws {ArenaExhaustedError} If there is no room.
   */
  take(): number {
    const i32 = this.#i32;
    if (this.#open.length === 0) this.#addSlab();
    const slab = this.#open[this.#open.length - 1]!;
    const head = i32[slab >>> 2]!;
    const cell = head >>> 16;
    const count = (slab >>> 2) + cell;
    const next = i32[count]!;
    i32[slab >>> 2] = (next << 16) | ((head & USED) + 1);
    if (next === 0) this.#open.pop();
    if ((head & USED) === 0) this.#empty--;
    i32[count] = FRESH;
    this.#live++;
    return slab + (cell << this.#shift);
  }

  /** Whether a cell belongs to a version that is not finished. */
  isFresh(cell: number): boolean {
    return this.#i32[this.#countOf(cell)]! < 0;
  }

  /**
   * The version to which a fresh cell belongs is finished. A cell that was given back since then stays
   * as it is, if `trim` was not called in between.
   */
  settle(cell: number): void {
    const i32 = this.#i32;
    i32[this.#countOf(cell)]! &= ~FRESH;
  }

  /** Counts more entries that point at a cell. */
  add(cell: number, entries: number): void {
    this.#i32[this.#countOf(cell)]! += entries;
  }

  /**
   * Counts fewer entries that point at a cell.
   *
   * @returns Whether none is left; then the caller gives the cell back.
   */
  drop(cell: number, entries: number): boolean {
    const i32 = this.#i32;
    return ((i32[this.#countOf(cell)]! -= entries) & ~FRESH) === 0;
  }

  /** Gives a cell back. No reader can be on its way to it. */
  giveBack(cell: number): void {
    const i32 = this.#i32;
    i32.fill(POISON, cell >>> 2, (cell + (1 << this.#shift)) >>> 2);
    const slab = (cell & -SLAB_BYTES) >>> 0;
    const head = i32[slab >>> 2]!;
    const used = (head & USED) - 1;
    i32[this.#countOf(cell)] = head >>> 16;
    i32[slab >>> 2] = ((cell & (SLAB_BYTES - 1)) >>> this.#shift << 16) | used;
    if (head >>> 16 === 0) this.#open.push(slab);
    if (used === 0) this.#empty++;
    this.#live--;
  }

  /** Gives empty slabs back: all but one while there is any cell, so that few changes cost a slab. */
  trim(): void {
    const keep = this.#live === 0 ? 0 : 1;
    for (let at = this.#open.length - 1; this.#empty > keep; at--) {
      const slab = this.#open[at]!;
      if ((this.#i32[slab >>> 2]! & USED) !== 0) continue;
      this.#open[at] = this.#open[this.#open.length - 1]!;
      this.#open.pop();
      this.#memory.free(slab);
      this.#empty--;
    }
  }

  #countOf(cell: number): number {
    return ((cell & -SLAB_BYTES) >>> 2) + ((cell & (SLAB_BYTES - 1)) >>> this.#shift);
  }

  #addSlab(): void {
    const slab = this.#memory.allocate(SLAB_BYTES, SLAB_BYTES, false);
    const i32 = this.#i32;
    const last = this.#cells - 1;
    i32.fill(POISON, slab >>> 2, (slab + SLAB_BYTES) >>> 2);
    i32[slab >>> 2] = this.#first << 16;
    for (let cell = this.#first; cell < last; cell++) i32[(slab >>> 2) + cell] = cell + 1;
    i32[(slab >>> 2) + last] = 0;
    this.#open.push(slab);
    this.#empty++;
  }
}
