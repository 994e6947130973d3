/**
 * The address space of a block: a Sv39 or Sv48 page table with permissions at random, and four pages of
 * data that the table maps. All of it lies in an area of its own.
 *
 * @module
 */

import type { Random } from "../../../lib/random.ts";
import { RAM } from "../test_board.ts";
import { DOUBLES, INTEGERS, randomValue } from "./values.ts";

const PAGE = 4096;
/** An area is aligned to its size, so that the pages of an area share the tables above the last one. */
export const AREA_BYTES = 16 * PAGE;
// Its pages: the root, then tables for the data, tables for the code; data; code.
const DATA = 8, DATA_PAGES = 4, CODE = 12;
/** What blocks may change: the tables' A and D bits, and the data. */
export const COMPARED_BYTES = CODE * PAGE;

// Bits of a page-table entry
const V = 1n, R = 2n, W = 4n, X = 8n, U = 16n;

/** How a block lies in its address space. */
export interface AddressSpace {
  readonly satp: bigint;
  /** Virtual address of the data's first page. */
  readonly data: bigint;
  /** Where the code begins: offset in RAM. Its virtual address is its physical one. */
  readonly code: number;
}

/** Fills the area at an offset in RAM. The code of a block fits behind `code`, and crosses pages. */
export function makeAddressSpace(
  view: DataView,
  area: number,
  random: Random,
  isUser: boolean,
): AddressSpace {
  const levels = 3 + random.below(2);
  const tables = new Tables(view, area, levels);
  const codeRoot = levels === 3 ? 2 : 0;
  const dataRoot = (codeRoot + 1 + random.below(511)) % 512;
  mapCode(tables, random, isUser);
  const data = mapData(tables, random, dataRoot, isUser);
  if (random.once(6)) breakEntry(tables, random, data);
  fillData(view, area, random);
  return {
    satp: BigInt(levels + 5) << 60n | BigInt(RAM + area) / 4096n,
    // An address whose upper bits are not all the same is not canonical: each access faults.
    data: random.once(16) ? data ^ 1n << 55n : data,
    code: area + (CODE + 1) * PAGE - 2 * (1 + random.below(128)),
  };
}

/** The page table of an area. Addresses given to it are of 64 bits, and it takes the bits that it needs. */
class Tables {
  constructor(
    readonly view: DataView,
    readonly area: number,
    readonly levels: number,
  ) {}

  /** Offset in RAM of the entry of a level; `first` is the page of the table below the root. */
  entry(va: bigint, level: number, first: number): number {
    const depth = this.levels - 1 - level;
    const page = depth === 0 ? 0 : first + depth - 1;
    const index = Number(va >> BigInt(12 + 9 * level) & 511n);
    return this.area + page * PAGE + index * 8;
  }

  /** Maps a page by a leaf of a level, and enters the tables above it. */
  map(va: bigint, physical: number, level: number, first: number, bits: bigint): void {
    for (let above = this.levels - 1; above > level; above--) {
      const table = this.area + (first + this.levels - 1 - above) * PAGE;
      this.set(this.entry(va, above, first), BigInt(RAM + table) >> 2n | V);
    }
    const start = physical - physical % (PAGE * 512 ** level);
    this.set(this.entry(va, level, first), BigInt(start) >> 2n | bits);
  }

  set(at: number, entry: bigint): void {
    this.view.setBigUint64(at, entry, true);
  }
}

const DATA_TABLES = 1, CODE_TABLES = 4;

/** The code may always be fetched: a block whose end cannot be reached would not end. */
function mapCode(tables: Tables, random: Random, isUser: boolean): void {
  const level = random.below(3);
  for (const page of [CODE, CODE + 1]) {
    const address = RAM + tables.area + page * PAGE;
    const readable = random.once(2) ? R | (random.once(2) ? W : 0n) : 0n;
    const bits = V | X | readable | (isUser ? U : 0n) | BigInt(random.below(4)) << 6n;
    tables.map(BigInt(address), address, level, CODE_TABLES, bits);
  }
}

/** Maps the data, by small pages in any order or by a large one. @returns Its virtual address. */
function mapData(tables: Tables, random: Random, root: number, isUser: boolean): bigint {
  const { area, levels } = tables;
  const first = RAM + area + DATA * PAGE;
  // The offset in a gigabyte is that of the memory, as large pages need it.
  let va = BigInt(root) << BigInt(3 + 9 * levels) | BigInt(first % 2 ** 30);
  if (levels === 4) va |= BigInt(random.below(512)) << 30n;
  const level = random.once(3) ? 1 + random.below(2) : 0;
  for (let page = 0; page < DATA_PAGES; page++) {
    const frame = level ? page : random.below(DATA_PAGES);
    // A large page that does not start at a multiple of its size is refused.
    const misplaced = level && random.once(8) ? 1n << 10n : 0n;
    tables.map(
      va + BigInt(page * PAGE),
      first + frame * PAGE,
      level,
      DATA_TABLES,
      leafBits(random, isUser) | misplaced,
    );
  }
  return BigInt.asUintN(64, BigInt.asIntN(12 + 9 * levels, va));
}

/** Permissions that mostly admit something. A, D, G and the bits of software are at random. */
function leafBits(random: Random, isUser: boolean): bigint {
  const permission = [R | W, R | W, R | W | X, R | W, R, R | X, X, W][random.below(8)]!;
  const user = random.once(4) !== isUser ? U : 0n;
  return permission | user | BigInt(random.below(32)) << 5n | (random.once(24) ? 0n : V);
}

/**
 * Changes a bit of an entry on the way to the data. Where it points stays as it is: of a table where no
 * memory is, QEMU 7.2 reports a page fault, and not the access fault that the manual asks for.
 */
function breakEntry(tables: Tables, random: Random, data: bigint): void {
  const at = tables.entry(data, random.below(tables.levels), DATA_TABLES);
  const entry = tables.view.getBigUint64(at, true);
  tables.set(at, entry ^ 1n << BigInt([...LOW_BITS, ...HIGH_BITS][random.below(20)]!));
}
const LOW_BITS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], HIGH_BITS = LOW_BITS.map((bit) => 54 + bit);

/** Fills what blocks can reach: the ends of each page. */
function fillData(view: DataView, area: number, random: Random): void {
  for (let page = DATA; page < DATA + DATA_PAGES; page++) {
    for (let at = 0; at < 1024; at += 8) {
      const value = randomValue(random, [INTEGERS, DOUBLES][random.below(2)]!);
      view.setBigUint64(area + page * PAGE + (at < 512 ? at : PAGE - 1024 + at), value, true);
    }
  }
}
