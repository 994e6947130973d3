/**
 * The pages of a heap as they are at one moment: what lies in each, and which blocks.
 *
 * Other contexts may change a page while it is looked at. What is found is right for pages that nobody
 * changes meanwhile.
 *
 * @module
 */

import { BLOCK, PAGE, PAGE_STATE, SLAB } from "../kernel/heap/layouts.ts";
import type { ArenaGeometry } from "./header.ts";

/** The first page of a slab or a run, or a page of another kind. */
export interface PageInfo {
  /** Its number. */
  readonly page: number;
  /** One of `PAGE_STATE`. */
  readonly state: number;
  /** What the bits of the word say. */
  readonly argument: number;
  /** The owner's token, or 0. */
  readonly owner: number;
  /** How many pages belong together, this one included. */
  readonly pages: number;
  /** How many blocks they hold. */
  readonly blocks: number;
  /** Bytes that each holds. */
  readonly capacity: number;
}

/** A block, or what was one. */
export interface BlockInfo {
  /** Address of its header. */
  readonly header: number;
  /** Its offset. */
  readonly offset: number;
  /** Bytes that it can hold. */
  readonly capacity: number;
  /** Bytes that it takes, with its header. */
  readonly footprint: number;
}

/** Bytes of a block in a size class. */
export function classBytes(sizeClass: number): number {
  return (sizeClass % 2 ? 48 : 32) << (sizeClass >>> 1);
}

/** The pages of one arena's heap. */
export class Pages {
  readonly #u32: Uint32Array;
  readonly #u16: Uint16Array;

  /**
   * @param buffer The arena's memory.
   * @param geometry Where its parts lie.
   */
  constructor(buffer: SharedArrayBuffer, readonly geometry: ArenaGeometry) {
    this.#u32 = new Uint32Array(buffer);
    this.#u16 = new Uint16Array(buffer);
  }

  /** The record of a page. */
  recordOf(page: number): number {
    return this.geometry.recordsAt + page * PAGE.size;
  }

  /** Describes a page. A free page is described as what it last was if `former` is true. */
  describe(page: number, former = false): PageInfo {
    const record = this.recordOf(page);
    const low = Atomics.load(this.#u32, PAGE.word.index(record));
    const high = Atomics.load(this.#u32, PAGE.word.index(record) + 1);
    const argument = low >>> 4;
    const isFree = (low & 15) === PAGE_STATE.FREE;
    const state = isFree && former ? high : low & 15;
    const owner = isFree ? 0 : high;
    const shape = { page, state, argument, owner };
    if (state === PAGE_STATE.RUN) {
      const capacity = argument * this.geometry.pageBytes;
      return { ...shape, pages: argument, blocks: 1, capacity };
    }
    if (state === PAGE_STATE.SLAB || state === PAGE_STATE.EMPTY) {
      const slab = record + PAGE.body.offset;
      const pages = SLAB.pages.get(this.#u16, slab);
      return {
        ...shape,
        pages,
        blocks: SLAB.count.get(this.#u16, slab),
        capacity: classBytes(argument),
      };
    }
    return { ...shape, pages: 1, blocks: 0, capacity: 0 };
  }

  /** Goes through the heap: the first page of each slab and run, and each page of another kind. */
  *[Symbol.iterator](): Generator<PageInfo> {
    const { firstPage, pages } = this.geometry;
    for (let page = firstPage; page < pages;) {
      const info = this.describe(page);
      yield info;
      page += Math.max(info.pages, 1);
    }
  }

  /** A block of a page. */
  blockOf(info: PageInfo, index: number): BlockInfo {
    const start = info.page * this.geometry.pageBytes;
    const body = this.recordOf(info.page) + PAGE.body.offset;
    const { capacity } = info;
    if (info.state === PAGE_STATE.RUN) {
      return { header: body, offset: start, capacity, footprint: capacity };
    }
    const offset = start + SLAB.first.get(this.#u32, body) + index * capacity;
    const header = start + index * BLOCK.size;
    return { header, offset, capacity, footprint: capacity + BLOCK.size };
  }

  /** The blocks of a page. */
  *blocksOf(info: PageInfo): Generator<BlockInfo> {
    for (let index = 0; index < info.blocks; index++) yield this.blockOf(info, index);
  }

  /** The block around an offset, or the last one that was there; undefined if there was none. */
  around(offset: number): BlockInfo | undefined {
    const { pageBytes, pages, firstPage } = this.geometry;
    const page = Math.floor(offset / pageBytes);
    if (page < firstPage || page >= pages) return undefined;
    let info = this.describe(page, true);
    if (info.state === PAGE_STATE.TAIL) info = this.describe(info.argument, true);
    if (info.blocks === 0 || page >= info.page + info.pages) return undefined;
    const first = this.blockOf(info, 0).offset;
    const index = Math.floor((offset - first) / info.capacity);
    return index >= 0 && index < info.blocks ? this.blockOf(info, index) : undefined;
  }
}
