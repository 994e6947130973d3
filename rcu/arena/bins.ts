/**
 * Free blocks sorted into bins by size: rows of powers of two with eight bins each, and bitmaps to
 * find a bin that is not empty in a few instructions. This is the two-level segregated fit of
 * Masmano, Ripoll, Crespo and Real ("TLSF: a new dynamic memory allocator for real-time systems",
 * ECRTS 2004).
 *
 * @module
 */

import { BLOCK, BLOCK_HEADER, MIN_BLOCK, sizeOf } from "./block.ts";
import { HEADER } from "./header.ts";
import type { Store } from "./store.ts";

/** Indices of the first head of a bin and of the first map of bins: constants, for the hot path. */
const BINS = HEADER.bins.index(0);
const BIN_MAPS = HEADER.binMaps.index(0);

/** Rows of bins; the last holds blocks of 2 GiB and more. */
export const ROWS = 26;

/** Position of the lowest bit that is set in a word that is not 0. */
function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word);
}

/** Number of the bin for blocks of `units` times 16 bytes: eight times the row, plus the column. */
export function binOf(units: number): number {
  if (units < 8) return units;
  const log = 31 - Math.clz32(units);
  return (log - 2) * 8 + ((units >>> (log - 3)) & 7);
}

/** Row of the bin for a block of `size` bytes. */
export function rowOf(size: number): number {
  return binOf(size >>> 4) >>> 3;
}

/** Smallest block size of a row, in bytes, header included. */
export function rowMinimum(row: number): number {
  return row === 0 ? MIN_BLOCK : 2 ** (row + 2) * 16;
}

/** Bytes to skip at the front of a free block so that its payload is aligned; a block fits there. */
export function alignmentGap(block: number, alignment: number): number {
  const payload = block + BLOCK_HEADER;
  let gap = Math.ceil(payload / alignment) * alignment - payload;
  while (gap !== 0 && gap < MIN_BLOCK) gap += alignment;
  return gap;
}

/** The bins. The caller holds the arena's lock. */
export class Bins {
  readonly #store: Store;
  readonly #u32: Uint32Array;

  /** @param store Where the arena lies */
  constructor(store: Store) {
    this.#store = store;
    this.#u32 = store.u32;
  }

  /** First block of a bin, 0 if it is empty. */
  head(bin: number): number {
    return this.#u32[BINS + bin]!;
  }

  /** Empties every bin. */
  reset(): void {
    const { rowMap, bins } = HEADER;
    this.#store.fill(rowMap.at(0), bins.at(0) + bins.size, 0);
  }

  /** Puts a free block in front of its bin. O(1). */
  insert(block: number): void {
    const store = this.#store;
    const bin = binOf(sizeOf(this.#u32, block) >>> 4);
    const head = this.#u32[BINS + bin]!;
    store.put(BLOCK.next.index(block), head);
    store.put(BLOCK.owner.index(block), 0);
    if (head !== 0) store.put(BLOCK.owner.index(head), block);
    store.put(BINS + bin, block);
    const row = bin >>> 3;
    store.put(
      BIN_MAPS + row,
      this.#u32[BIN_MAPS + row]! | (1 << (bin & 7)),
    );
    store.put(HEADER.rowMap.index(0), (HEADER.rowMap.get(this.#u32, 0) | (1 << row)) >>> 0);
  }

  /** Takes a free block out of its bin. O(1). */
  remove(block: number): void {
    const store = this.#store;
    const next = BLOCK.next.get(this.#u32, block);
    const previous = BLOCK.owner.get(this.#u32, block);
    if (next !== 0) store.put(BLOCK.owner.index(next), previous);
    if (previous !== 0) {
      store.put(BLOCK.next.index(previous), next);
      return;
    }
    const bin = binOf(sizeOf(this.#u32, block) >>> 4);
    store.put(BINS + bin, next);
    if (next !== 0) return;
    const row = bin >>> 3;
    const map = this.#u32[BIN_MAPS + row]! & ~(1 << (bin & 7));
    store.put(BIN_MAPS + row, map);
    if (map === 0) {
      store.put(HEADER.rowMap.index(0), (HEADER.rowMap.get(this.#u32, 0) & ~(1 << row)) >>> 0);
    }
  }

  /**
   * Finds a free block of at least `size` bytes: any block of the first bin whose blocks all fit,
   * in O(1). If there is none, the bin that `size` itself falls into is searched, so that the arena
   * is not reported as exhausted while a block would fit.
   */
  find(size: number): number {
    const units = size >>> 4;
    const rounded = units < 8 ? units : units + (1 << (28 - Math.clz32(units))) - 1;
    const bin = this.nonEmpty(binOf(rounded));
    if (bin >= 0) return this.head(bin);
    for (let block = this.head(binOf(units)); block !== 0; block = this.#next(block)) {
      if (sizeOf(this.#u32, block) >= size) return block;
    }
    return 0;
  }

  /** Finds a free block that holds `size` bytes after the gap that the alignment needs. */
  findAligned(size: number, alignment: number): number {
    const roomy = size + alignment + MIN_BLOCK < 2 ** 32
      ? this.find(size + alignment + MIN_BLOCK)
      : 0;
    if (roomy !== 0) return roomy;
    for (let bin = this.nonEmpty(binOf(size >>> 4)); bin >= 0; bin = this.nonEmpty(bin + 1)) {
      for (let block = this.head(bin); block !== 0; block = this.#next(block)) {
        if (sizeOf(this.#u32, block) >= size + alignmentGap(block, alignment)) return block;
      }
    }
    return 0;
  }

  /** Size of the largest free block, or 0. Searches one bin. */
  largest(): number {
    const rows = HEADER.rowMap.get(this.#u32, 0);
    if (rows === 0) return 0;
    const row = 31 - Math.clz32(rows);
    const column = 31 - Math.clz32(this.#u32[BIN_MAPS + row]!);
    let largest = 0;
    for (let block = this.head(row * 8 + column); block !== 0; block = this.#next(block)) {
      largest = Math.max(largest, sizeOf(this.#u32, block));
    }
    return largest;
  }

  /** First bin from `bin` on that is not empty, or -1. */
  nonEmpty(bin: number): number {
    const row = bin >>> 3;
    if (row >= ROWS) return -1;
    const map = this.#u32[BIN_MAPS + row]! & (0xff << (bin & 7));
    if (map !== 0) return row * 8 + lowestBit(map);
    const rows = HEADER.rowMap.get(this.#u32, 0) & (~0 << (row + 1));
    if (rows === 0) return -1;
    const found = lowestBit(rows);
    return found * 8 + lowestBit(this.#u32[BIN_MAPS + found]!);
  }

  #next(block: number): number {
    return BLOCK.next.get(this.#u32, block);
  }
}
