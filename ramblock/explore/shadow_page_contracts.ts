/**
 * What the kernel does with a shadow map of several pages, with one thread. The map lies at the end of
 * the memory, on both sides of 2^31.
 *
 * @module
 */

import { check, type Program, run, type Steps } from "#tools/explorer/mod.ts";
import {
  SHADOW,
  SHADOW_ENTRY,
  SHADOW_PAGE,
  SHADOW_PAGE_BITS,
  SLOT,
  SLOT_FLAG,
  SLOT_TABLE,
} from "../kernel/layouts.ts";
import { equal, holds } from "./contract_memory.ts";
import { k, kernel } from "./mru.ts";

const PAGES = 4;
const PER_PAGE = 2 ** SHADOW_PAGE_BITS;
const ENTRIES = PAGES * PER_PAGE;
/** The second page lies across 2^31. */
const MAP = 2 ** 31 - SHADOW.size - (PER_PAGE + 32) * SHADOW_ENTRY.size;
const ENTRIES_AT = SHADOW.entries.at(MAP);
const BITMAPS = ENTRIES_AT + ENTRIES * SHADOW_ENTRY.size;
const END = BITMAPS + PAGES * SHADOW_PAGE.size;

/** Two slots whose numbers differ by 64, and one whose bit is in the upper half of a bitmap. */
const ROWS = [
  { id: 5, base: 0, pages: 0x200, flags: 0 },
  { id: 69, base: 0x1000, pages: 0x1000, flags: SLOT_FLAG.READONLY },
  { id: 40, base: 0x10000, pages: ENTRIES, flags: 0 },
];
const [FIRST, SAME_BIT, UPPER] = [0, 1, 2];
const TABLE = MAP - SLOT_TABLE.size - ROWS.length * SLOT.size;
const HOST = 2 ** 20;

const rowAt = (slot: number) => SLOT_TABLE.rows.at(TABLE) + slot * SLOT.size;
const baseOf = (slot: number) => ROWS[slot]!.base;
const bitmapAt = (page: number) => BITMAPS + page * SHADOW_PAGE.size;
const tagAt = (index: number) => ENTRIES_AT + index * SHADOW_ENTRY.size;

function setUp(u32: Uint32Array): void {
  SLOT_TABLE.count.set(u32, 0, ROWS.length);
  for (const [slot, { id, base, pages, flags }] of ROWS.entries()) {
    const row = rowAt(slot) - TABLE;
    SLOT.id.set(u32, row, id);
    SLOT.base.setHalves(u32, row, base, 0);
    SLOT.pages.setHalves(u32, row, pages, 0);
    SLOT.host.setHalves(u32, row, HOST, 0);
    SLOT.flags.set(u32, row, flags);
  }
  SHADOW.mask.set(u32, MAP - TABLE, ENTRIES - 1);
}

function* fills(gfn: number): Steps {
  check((yield* k.shadowFill(MAP, TABLE, gfn, 0, 12)) > 0, `shadowFill of ${gfn}`);
}

/** Whether a page is mapped for writing. */
function* writable(gfn: number, wanted: boolean): Steps {
  check((yield* k.shadowLookup(MAP, gfn, 0)) >= 0, `${gfn} is not mapped`);
  const found = (yield* k.shadowLookup(MAP, gfn, 1)) >= 0;
  check(found === wanted, `${gfn} is ${found ? "" : "not "}writable`);
}

function* bitmaps(...wanted: readonly (readonly [low: number, high: number])[]): Steps {
  for (const [page, [low, high]] of wanted.entries()) {
    yield* run(holds, bitmapAt(page), low, `the bitmap of page ${page}`);
    yield* run(holds, bitmapAt(page) + 4, high, `the upper half of the bitmap of page ${page}`);
  }
}

/** The first and the last entry of each page. */
const EDGES = Array.from(
  { length: PAGES },
  (_, page) => [page * PER_PAGE, (page + 1) * PER_PAGE - 1],
)
  .flat();

const mapped = (index: number) => baseOf(UPPER!) + index;

/** A slot has the edges of each page; the bitmaps of every other page, from `first` on, do not say so. */
function* walksPagesWithTheBit(first: number): Steps {
  for (const index of EDGES) yield* run(fills, mapped(index));
  yield* run(fills, baseOf(SAME_BIT!) + 10 * ENTRIES + 1);
  yield* run(fills, 2);
  yield* bitmaps([1 << 5, 1 << 8], [0, 1 << 8], [0, 1 << 8], [0, 1 << 8]);
  for (const page of [first, first + 2]) yield* k.store32(bitmapAt(page) + 4, 0);
  yield* k.shadowProtect(MAP, rowAt(UPPER!));
  for (const [edge, index] of EDGES.entries()) {
    const page = edge >> 1;
    yield* run(writable, mapped(index), page === first || page === first + 2);
  }
  // By the bit of another slot, whose pages are others.
  yield* k.shadowProtect(MAP, rowAt(SAME_BIT!));
  yield* run(writable, 2, true);
  yield* k.shadowProtect(MAP, rowAt(FIRST!));
  yield* run(writable, 2, false);
}

/** A bitmap that looks like a mapping of the slot is none. */
function* leavesBitmaps(): Steps {
  yield* k.store32(bitmapAt(0), 0x20 << 2 | 3);
  for (const page of [1, 2, 3]) yield* k.store32(bitmapAt(page), 1 << 5);
  yield* k.shadowProtect(MAP, rowAt(FIRST!));
  yield* bitmaps([0x20 << 2 | 3, 0], [1 << 5, 0], [1 << 5, 0], [1 << 5, 0]);
}

function* clears(): Steps {
  for (const index of EDGES) yield* run(fills, mapped(index));
  // A read-only mapping of page 0, whose tag has one bit.
  yield* k.store32(SLOT.flags.at(rowAt(FIRST!)), SLOT_FLAG.READONLY);
  yield* run(fills, 0);
  equal(yield* k.shadowCount(MAP, TABLE, 0), EDGES.length, "mappings before shadowClear");
  yield* k.shadowClear(MAP);
  for (const index of EDGES) {
    yield* run(holds, tagAt(index), 0, "the tag of what was cleared");
    yield* run(holds, tagAt(index) + 4, 0, "the tag of what was cleared");
  }
  yield* bitmaps([0, 0], [0, 0], [0, 0], [0, 0]);
}

function* flushes(): Steps {
  for (const index of EDGES) yield* run(fills, mapped(index));
  equal(yield* k.shadowFlush(MAP, mapped(0), ENTRIES), EDGES.length, "shadowFlush of all");
}

function contract(script: () => Steps): Program {
  return {
    kernel,
    bytes: END - TABLE,
    origin: TABLE,
    setUp: ({ u32 }) => setUp(u32),
    threads: [{ name: "caller", script }],
  };
}

/** The contracts by name. */
export const shadowPageContracts: Readonly<Record<string, Program>> = {
  "shadow pages, odd ones with a slot's bit": contract(() => walksPagesWithTheBit(0)),
  "shadow pages, even ones with a slot's bit": contract(() => walksPagesWithTheBit(1)),
  "shadow pages and bitmaps": contract(leavesBitmaps),
  "shadow pages, cleared": contract(clears),
  "shadow pages, flushed": contract(flushes),
};
