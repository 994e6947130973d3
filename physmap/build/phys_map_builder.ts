/**
 * Building a map: ranges go in, one finished dispatch comes out.
 *
 * @module
 */

import type { BlockAllocator } from "@guestmem/rcu";
import { highHalf, lowHalf, MAX_ADDRESS, toBigInt, TWO_32 } from "../address/halves.ts";
import { PhysMapError } from "../errors/physmap_error.ts";
import { CALLER_FLAGS, NIL, NO_REGION, SECTION_FLAG } from "../kernel/layouts.ts";
import { dispatchBytes, MAX_PAGE_BITS, MIN_PAGE_BITS } from "./map_size.ts";
import { NodePool } from "./node_pool.ts";
import { SectionTable } from "./section_table.ts";
import { SubpageTables } from "./subpage_tables.ts";
import { writeDispatch } from "./write_dispatch.ts";

/**
 * Registers ranges of the address space and writes the finished map into an arena. It works in
 * private memory, which it keeps from one map to the next: create one and {@linkcode reset} it.
 *
 * Ranges of a flat view, registered in order, give node for node and section for section the map
 * that QEMU builds. Ranges may also overlap: each address belongs to the range registered last, as
 * in a linear scan from the newest to the oldest.
 *
 * @example
 * ```ts
 * import { Arena } from "@guestmem/rcu";
 * import { MapGenerations, PhysMapBuilder, PhysMapReader } from "@guestmem/physmap";
 * import { assert } from "@std/assert";
 *
 * const arena = Arena.create({ bytes: 1 << 20 });
 * const generations = MapGenerations.create(arena);
 * const builder = new PhysMapBuilder({ pageBits: 12 });
 * builder.add(0, 0x9ffff, 0, 1); // 640 KiB of region 1
 * builder.add(0xfee00000, 0xfee00fff, 0, 2);
 * const dispatch = builder.finish(arena, generations.next());
 *
 * const reader = new PhysMapReader(arena);
 * const section = reader.section(dispatch, 0xfee00030);
 * assert(reader.region(section) === 2);
 * assert(reader.offset(section, 0xfee00030) === 0x30);
 * ```
 */
export class PhysMapBuilder {
  /** log2 of the page size. */
  readonly pageBits: number;

  readonly #pageMask: number;
  readonly #sections: SectionTable;
  readonly #nodes: NodePool;
  readonly #subpages: SubpageTables;
  #state: "open" | "finished" | "failed" = "open";
  // The range being registered: its row's constants, and offset in the region minus address.
  #deltaHi = 0;
  #deltaLo = 0;
  #region = 0;
  #flags = 0;

  /**
   * A builder with an empty map.
   *
   * @param options The page size.
   * @throws {RangeError} If the page size is not supported.
   */
  constructor({ pageBits, nodeLimit = NIL }: {
    /** log2 of the page size, 8 (256 bytes) to 16 (64 KiB). */
    readonly pageBits: number;
    /** At most this many nodes. Default: all that an entry's pointer can name, 2^26 - 1. */
    readonly nodeLimit?: number;
  }) {
    if (!Number.isInteger(pageBits) || pageBits < MIN_PAGE_BITS || pageBits > MAX_PAGE_BITS) {
      throw new RangeError(
        `Cannot build a map over pages of 2^${pageBits} bytes: pageBits must be from ` +
          `${MIN_PAGE_BITS} to ${MAX_PAGE_BITS}`,
      );
    }
    this.pageBits = pageBits;
    this.#pageMask = 2 ** pageBits - 1;
    this.#sections = new SectionTable(2 ** pageBits);
    this.#nodes = new NodePool(pageBits, nodeLimit, this.#sections);
    this.#subpages = new SubpageTables(2 ** pageBits);
  }

  /** Nodes, sections (#0 included) and subpages so far, and the bytes of the dispatch they would make. */
  get size(): { nodes: number; sections: number; subpages: number; bytes: number } {
    const nodes = this.#nodes.count;
    const sections = this.#sections.count;
    const subpages = this.#subpages.count;
    const bytes = dispatchBytes(nodes, sections, subpages, this.pageBits);
    return { nodes, sections, subpages, bytes };
  }

  /** Starts an empty map. Allowed in every state; finished dispatches are not touched. */
  reset(): void {
    this.#sections.reset();
    this.#nodes.reset();
    this.#subpages.reset();
    this.#state = "open";
  }

  /**
   * Registers a range. Where it overlaps earlier ones, it wins.
   *
   * @param first The first address.
   * @param last The last address, inclusive: all of the address space is `0` to `2n ** 64n - 1n`.
   * @param offset The offset in the region of `first`.
   * @param region The region's id, 1 to 2^32 - 1.
   * @param flags The caller's own flags, 30 bits.
   * @throws {PhysMapError} INVALID_ADDRESS if an address or the offset is not valid, INVERTED_RANGE if
   * `first` is greater than `last`, RANGE_OVERFLOW if the range or its offsets run past 2^64 - 1,
   * BUILDER_STATE if the builder is finished or has failed. Nothing has changed.
   * @throws {RangeError} If the region's id or the flags do not fit. Nothing has changed.
   * @throws {PhysMapError} TOO_MANY_SECTIONS or TOO_MANY_NODES if the map is full. The range is then
   * half registered, and only {@linkcode reset} is allowed.
   */
  add(
    first: number | bigint,
    last: number | bigint,
    offset: number | bigint,
    region: number,
    flags = 0,
  ): void {
    if (typeof last === "bigint" && last > MAX_ADDRESS) {
      throw new PhysMapError("RANGE_OVERFLOW", { what: "addresses", first, last });
    }
    this.addHalves(
      highHalf(first),
      lowHalf(first),
      highHalf(last),
      lowHalf(last),
      highHalf(offset),
      lowHalf(offset),
      region,
      flags,
    );
  }

  /** {@linkcode add} with each 64-bit value as two halves, each signed or unsigned. */
  addHalves(
    firstHi: number,
    firstLo: number,
    lastHi: number,
    lastLo: number,
    offsetHi: number,
    offsetLo: number,
    region: number,
    flags: number,
  ): void {
    this.#requireOpen("register a range");
    // Signed from here on: V8 boxes an unsigned word from 2^31 on when a function gets it.
    const fh = firstHi | 0, fl = firstLo | 0, lh = lastHi | 0, ll = lastLo | 0;
    requireOrder(fh, fl, lh, ll);
    requireOffsets(fh, fl, lh, ll, offsetHi | 0, offsetLo | 0);
    requireUint("region", region, 1, 0xffff_ffff);
    requireUint("flags", flags, 0, CALLER_FLAGS);
    this.#setDelta(fh, fl, offsetHi | 0, offsetLo | 0);
    this.#region = region;
    this.#flags = flags;
    this.#state = "failed";
    this.#register(fh, fl, lh, ll);
    this.#state = "open";
  }

  /**
   * Writes the map into one block of the arena, exactly as large as needed. The caller owns the block,
   * publishes it, and frees it (with `deferFree` once it was published). The builder is finished
   * afterwards. If the arena is exhausted, nothing is allocated and the builder stays as it was.
   *
   * @param allocator The arena.
   * @param generation From {@linkcode MapGenerations}: never used before in this arena.
   * @returns The dispatch: the block's offset.
   * @throws {PhysMapError} INVALID_GENERATION if it is not an integer from 1 to 2^53 - 1; BUILDER_STATE
   * if the builder is finished or has failed.
   * @throws {ArenaExhaustedError} If the arena has no room.
   */
  finish(allocator: BlockAllocator, generation: number): number {
    this.#requireOpen("finish a map");
    if (!Number.isSafeInteger(generation) || generation < 1) {
      throw new PhysMapError("INVALID_GENERATION", { generation });
    }
    const offset = writeDispatch(allocator, {
      pageBits: this.pageBits,
      generation,
      nodes: this.#nodes,
      sections: this.#sections,
      subpages: this.#subpages,
    });
    this.#state = "finished";
    return offset;
  }

  #requireOpen(action: string): void {
    if (this.#state === "open") return;
    throw new PhysMapError("BUILDER_STATE", { action, state: this.#state });
  }

  /** Sets by how much offsets in the region differ from addresses, modulo 2^64. */
  #setDelta(firstHi: number, firstLo: number, offsetHi: number, offsetLo: number): void {
    const borrow = offsetLo >>> 0 < firstLo >>> 0 ? 1 : 0;
    this.#deltaLo = (offsetLo - firstLo) | 0;
    this.#deltaHi = (offsetHi - firstHi - borrow) | 0;
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
    const section = this.#addSection(firstHi, firstLo, lastHi, lastLo);
    this.#nodes.set(firstHi, firstLo, lastHi, lastLo, section);
  }

  /** Gives part of one page to a new section. */
  #addPiece(high: number, firstLo: number, lastLo: number): void {
    const mask = this.#pageMask;
    let container = this.#nodes.find(high, firstLo);
    if ((this.#sections.flags(container) & SECTION_FLAG.CONTAINER) === 0) {
      // The page's present section keeps the rest of its bytes.
      const table = this.#subpages.add(container);
      const pageFirst = firstLo & ~mask, pageLast = firstLo | mask;
      const flag = SECTION_FLAG.CONTAINER;
      container = this.#sections.add(high, pageFirst, high, pageLast, 0, table, NO_REGION, flag);
      this.#nodes.set(high, pageFirst, high, pageLast, container);
    }
    const section = this.#addSection(high, firstLo, high, lastLo);
    const table = this.#sections.table(container);
    this.#subpages.set(table, firstLo & mask, lastLo & mask, section);
  }

  /** A row for part of the range being registered. */
  #addSection(firstHi: number, firstLo: number, lastHi: number, lastLo: number): number {
    const offsetLo = (firstLo + this.#deltaLo) | 0;
    const carry = offsetLo >>> 0 < firstLo >>> 0 ? 1 : 0;
    return this.#sections.add(
      firstHi,
      firstLo,
      lastHi,
      lastLo,
      (firstHi + this.#deltaHi + carry) | 0,
      offsetLo,
      this.#region,
      this.#flags,
    );
  }
}

/** Throws unless the first address is at most the last. */
function requireOrder(firstHi: number, firstLo: number, lastHi: number, lastLo: number): void {
  const isHigher = firstHi >>> 0 < lastHi >>> 0;
  if (isHigher || (firstHi === lastHi && firstLo >>> 0 <= lastLo >>> 0)) return;
  const first = toBigInt(firstHi, firstLo), last = toBigInt(lastHi, lastLo);
  throw new PhysMapError("INVERTED_RANGE", { first, last });
}

/** Throws unless the offset of the last address is at most 2^64 - 1. */
function requireOffsets(
  firstHi: number,
  firstLo: number,
  lastHi: number,
  lastLo: number,
  offsetHi: number,
  offsetLo: number,
): void {
  const borrow = lastLo >>> 0 < firstLo >>> 0 ? 1 : 0;
  const carry = (offsetLo >>> 0) + ((lastLo - firstLo) >>> 0) >= TWO_32 ? 1 : 0;
  const high = (lastHi >>> 0) - (firstHi >>> 0) - borrow;
  if ((offsetHi >>> 0) + high + carry < TWO_32) return;
  const first = toBigInt(offsetHi, offsetLo);
  const last = first + toBigInt(lastHi, lastLo) - toBigInt(firstHi, firstLo);
  throw new PhysMapError("RANGE_OVERFLOW", { what: "offsets in the region", first, last });
}

/** Throws unless an argument is an integer in range. */
function requireUint(name: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new RangeError(
    `Cannot register a range with ${name} ${value}: it must be an integer from ${least} to ${most}`,
  );
}
