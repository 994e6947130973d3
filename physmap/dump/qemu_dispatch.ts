/**
 * The dispatch that QEMU builds of some ranges, for its text.
 *
 * @module
 */

import { highHalf, lowHalf } from "../address/halves.ts";
import { MAX_PAGE_BITS, MIN_PAGE_BITS, requireOrder } from "../address/range_checks.ts";
import { NO_REGION } from "../kernel/layouts.ts";
import { compactEntry } from "./compact.ts";
import { printDispatch } from "./print_dispatch.ts";
import { NodePool } from "./node_pool.ts";
import { SectionTable } from "./section_table.ts";

/**
 * The map that QEMU 7.2 builds of the ranges of a flat view: its sections, subpage containers, nodes
 * and their compaction, as `info mtree -f -d` prints them. QEMU builds a map anew at each commit, and
 * numbers sections and nodes as it goes; a {@linkcode PhysMap}, which shares nodes between versions,
 * has other nodes and no numbers. So a dump is made of the ranges, with this.
 *
 * Nothing of it lies in an arena.
 *
 * @example
 * ```ts
 * import { QemuDispatch } from "@guestmem/physmap";
 * import { assert } from "@std/assert";
 *
 * const dispatch = new QemuDispatch(12);
 * dispatch.add(0, 0xfffff, 1);
 * const lines = dispatch.print({ name: () => "ram" });
 * assert(lines[3] === "      #1 @0000000000000000..00000000000fffff ram [not dirty]");
 * ```
 */
export class QemuDispatch {
  readonly #pageMask: number;
  readonly #sections: SectionTable;
  readonly #nodes: NodePool;
  #region = 0;

  /**
   * A dispatch without ranges.
   *
   * @param pageBits log2 of the page size, 8 (256 bytes) to 16 (64 KiB).
   * @throws {RangeError} If the page size is not supported.
   */
  constructor(pageBits: number) {
    if (!Number.isInteger(pageBits) || pageBits < MIN_PAGE_BITS || pageBits > MAX_PAGE_BITS) {
      throw new RangeError(
        `Cannot build a dispatch over pages of 2^${pageBits} bytes: pageBits must be from ` +
          `${MIN_PAGE_BITS} to ${MAX_PAGE_BITS}`,
      );
    }
    this.#pageMask = 2 ** pageBits - 1;
    this.#sections = new SectionTable(2 ** pageBits);
    this.#nodes = new NodePool(pageBits);
  }

  /**
   * Registers a range. Ranges are registered by rising address and do not overlap.
   *
   * @param first The first address.
   * @param last The last address, inclusive.
   * @param region The region's id.
   * @throws {PhysMapError} INVALID_ADDRESS or INVERTED_RANGE. Nothing has changed.
   * @throws {PhysMapError} TOO_MANY_SECTIONS where QEMU aborts: a map has at most as many sections as a
   * page has bytes, #0 and containers included. The range is then half registered.
   */
  add(first: number | bigint, last: number | bigint, region: number): void {
    const fh = highHalf(first) | 0, fl = lowHalf(first) | 0;
    const lh = highHalf(last) | 0, ll = lowHalf(last) | 0;
    requireOrder(fh, fl, lh, ll);
    this.#region = region;
    this.#register(fh, fl, lh, ll);
  }

  /**
   * Prints the dispatch in the text of QEMU's `info mtree -f -d`, without the `[MRU]` and `[iommu]`
   * marks. Nodes that compaction has bypassed are printed as well, since QEMU keeps them.
   *
   * @param labels What is printed of a region, of which a section carries no more than the id.
   * @returns The lines, from `  Dispatch` on.
   */
  print(labels: {
    /** The name of a region. */
    readonly name: (region: number) => string;
    /** Whether a region is the root of the view that the dispatch belongs to. */
    readonly isRoot?: (region: number) => boolean;
  }): string[] {
    const { levels, count } = this.#nodes;
    const words = this.#nodes.words.slice();
    const root = compactEntry(words, this.#nodes.root, levels - 1);
    return printDispatch(
      { sections: this.#sections.all, words, nodes: count, root, levels },
      labels,
    );
  }

  /** Splits a range into the piece before its first whole page, the whole pages, and the rest. */
  #register(firstHi: number, firstLo: number, lastHi: number, lastLo: number): void {
    const mask = this.#pageMask;
    let high = firstHi, low = firstLo;
    if (low & mask) {
      const pageEnd = low | mask;
      if (high === lastHi && lastLo >>> 0 <= pageEnd >>> 0) {
        return this.#addPiece(high, low, lastLo);
      }
      this.#addPiece(high, low, pageEnd);
      low = (pageEnd + 1) | 0;
      if (low === 0) high = (high + 1) | 0;
    }
    if ((lastLo & mask) === mask) return this.#addPages(high, low, lastHi, lastLo);
    const lastPage = lastLo & ~mask;
    if (high !== lastHi || low !== lastPage) {
      this.#addPages(high, low, (lastHi - (lastPage === 0 ? 1 : 0)) | 0, (lastPage - 1) | 0);
    }
    this.#addPiece(lastHi, lastPage, lastLo);
  }

  /** Gives whole pages to a new section. */
  #addPages(firstHi: number, firstLo: number, lastHi: number, lastLo: number): void {
    const section = this.#sections.add(firstHi, firstLo, lastHi, lastLo, this.#region);
    this.#nodes.set(firstHi, firstLo, lastHi, lastLo, section);
  }

  /** Gives part of one page to a new section. */
  #addPiece(high: number, firstLo: number, lastLo: number): void {
    const sections = this.#sections;
    if (!sections.isContainer(this.#nodes.find(high, firstLo))) {
      const pageFirst = firstLo & ~this.#pageMask, pageLast = firstLo | this.#pageMask;
      const container = sections.add(high, pageFirst, high, pageLast, NO_REGION, true);
      this.#nodes.set(high, pageFirst, high, pageLast, container);
    }
    sections.add(high, firstLo, high, lastLo, this.#region);
  }
}
