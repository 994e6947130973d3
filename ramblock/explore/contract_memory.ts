/**
 * The memory of ramblock's contracts, which run one function of the kernel after the other on one thread.
 *
 * @module
 */

import { check, type Program, type Steps } from "#tools/explorer/mod.ts";
import {
  BLOCK,
  DIRTY_TABLE,
  RAM,
  SHADOW,
  SHADOW_ENTRY,
  SLOT,
  SLOT_FLAG,
  SLOT_TABLE,
} from "../kernel/layouts.ts";
import { k, kernel } from "./mru.ts";

/** Entries of the shadow map, whose second half lies above 2^31. */
export const ENTRIES = 4;
const MAP_BYTES = SHADOW.size + ENTRIES * SHADOW_ENTRY.size;
/** What follows its entries: the bitmap of its only page. */
const AFTER = 64;
const BEFORE = 64;
const ORIGIN = 2 ** 31 - BEFORE - SHADOW.size - ENTRIES / 2 * SHADOW_ENTRY.size;
/** A shadow map. */
export const SHADOW_AT = ORIGIN + BEFORE;
/** Mappings that belong to no map: around its entries, and in the rest of its header. */
const STRAY = [
  ...[0, 16, 32, 48].map((at) => ORIGIN + at),
  SHADOW_AT + 16,
  SHADOW_AT + MAP_BYTES + 16,
  SHADOW_AT + MAP_BYTES + 32,
];
const STRAY_TAG = 0x11 << 2 | 3;

/** The bitmap of the map's only page. */
export const PAGE_AT = SHADOW_AT + MAP_BYTES;

/** Guest RAM with two blocks. */
export const RAM_AT = SHADOW_AT + MAP_BYTES + AFTER;
/** The head of the list of blocks. */
export const HEAD = RAM_AT + RAM.size;
/** The blocks in their order. */
export const [FIRST, SECOND] = [HEAD + 64, HEAD + 64 + BLOCK.size];
/** Where the blocks begin in guest RAM. */
export const [FIRST_AT, SECOND_AT] = [2 ** 33 + 0x1000, 0x8000_0000] as const;
/** Where they begin in the host. */
export const [FIRST_HOST, SECOND_HOST] = [2 ** 40 + 0x5000, 2 ** 34] as const;
/** Their length. */
export const LENGTH = 0x3000;

/** The log epoch at the start: its upper half is about to change. */
export const FIRST_EPOCH = 2 ** 32 - 2;
/** The dirty bitmaps of two clients, of three chunks each. */
export const TABLE = SECOND + BLOCK.size;
const CHUNKS = 3;
const CHUNKS_AT = TABLE + 48;
/** A chunk of 128 pages. The next chunk of a client lies before it, not behind. */
const chunkAt = (client: number, chunk: number) => {
  return CHUNKS_AT + (client * CHUNKS + CHUNKS - 1 - chunk) * 16;
};
/** Where taken bits go: three areas of 64 bytes. */
export const INTO = CHUNKS_AT + 2 * CHUNKS * 16;

/** A table of slots. */
export const SLOTS = INTO + 3 * 64;
/** A table of one slot, and one of none. */
export const ONE_SLOT = SLOTS + SLOT_TABLE.size + 4 * SLOT.size;
/** What lies where a row would be is a slot that has every page. */
export const NO_SLOTS = ONE_SLOT + SLOT_TABLE.size + SLOT.size;
/** The log of the last slot. */
export const LOG = NO_SLOTS + SLOT_TABLE.size + SLOT.size;
/** Words that contracts use as they like. */
export const CELL = LOG + 16;
const BYTES = CELL + 40 - ORIGIN;

/** A slot of a contract. */
interface Row {
  readonly id: number;
  readonly base: number;
  readonly pages: number;
  readonly host: number;
  readonly flags: number;
}

/** The slots. */
export const ROWS: readonly Row[] = [
  { id: 0, base: 0, pages: 12, host: 2 ** 37, flags: 0 },
  { id: 5, base: 0x10, pages: 4, host: 2 ** 35, flags: 0 },
  { id: 69, base: 0x20, pages: 2 ** 32, host: 2 ** 42, flags: SLOT_FLAG.READONLY },
  { id: 40, base: 2 ** 33, pages: 70, host: 2 ** 36 + 0x4000, flags: SLOT_FLAG.LOG_DIRTY },
];

/** Address of a row. */
export const rowAt = (index: number, table = SLOTS) => {
  return SLOT_TABLE.rows.at(table) + index * SLOT.size;
};

const half = (value: number) => [value % 2 ** 32, Math.floor(value / 2 ** 32)] as const;

function setUp(u32: Uint32Array): void {
  setUpBlocks(u32);
  DIRTY_TABLE.chunks.set(u32, TABLE - ORIGIN, CHUNKS);
  for (let entry = 0; entry < 2 * CHUNKS; entry++) {
    const chunk = chunkAt(Math.floor(entry / CHUNKS), entry % CHUNKS);
    u32[DIRTY_TABLE.entries.at(TABLE - ORIGIN, entry) / 4] = chunk;
  }
  setUpSlots(u32, SLOTS, ROWS);
  setUpSlots(u32, ONE_SLOT, [{ id: 5, base: 0x12, pages: 1, host: 2 ** 35, flags: 0 }]);
  setUpSlots(u32, NO_SLOTS, [{ id: 5, base: 0, pages: 2 ** 52, host: 2 ** 35, flags: 0 }]);
  SLOT_TABLE.count.set(u32, NO_SLOTS - ORIGIN, 0);
  SLOT.log.set(u32, rowAt(3) - ORIGIN, LOG);
  SHADOW.mask.set(u32, SHADOW_AT - ORIGIN, ENTRIES - 1);
  for (const at of STRAY) SHADOW_ENTRY.tag.setHalves(u32, at - ORIGIN, STRAY_TAG, 0);
}

function setUpBlocks(u32: Uint32Array): void {
  const ram = RAM_AT - ORIGIN;
  RAM.list.set(u32, ram, HEAD);
  RAM.version.set(u32, ram, 7);
  RAM.chunkBits.set(u32, ram, 7);
  RAM.dirty.set(u32, ram, TABLE);
  RAM.logEpoch.setHalves(u32, ram, ...half(FIRST_EPOCH));
  const links = [[HEAD, FIRST], [FIRST, SECOND], [SECOND, HEAD]] as const;
  for (const [block, next] of links) BLOCK.next.set(u32, block - ORIGIN, next);
  const blocks = [[FIRST, FIRST_AT, FIRST_HOST], [SECOND, SECOND_AT, SECOND_HOST]] as const;
  for (const [block, offset, host] of blocks) {
    BLOCK.offset.setHalves(u32, block - ORIGIN, ...half(offset));
    BLOCK.host.setHalves(u32, block - ORIGIN, ...half(host));
    BLOCK.maxLength.setHalves(u32, block - ORIGIN, ...half(LENGTH));
  }
}

function setUpSlots(u32: Uint32Array, table: number, rows: readonly Row[]): void {
  SLOT_TABLE.count.set(u32, table - ORIGIN, rows.length);
  // What a row number below 0 would take for a row: the header, with the generation for its pages.
  SLOT_TABLE.generation.setHalves(u32, table - ORIGIN, 100, 0);
  for (const [index, { id, base, pages, host, flags }] of rows.entries()) {
    const row = rowAt(index, table) - ORIGIN;
    SLOT.base.setHalves(u32, row, ...half(base));
    SLOT.pages.setHalves(u32, row, ...half(pages));
    SLOT.host.setHalves(u32, row, ...half(host));
    SLOT.flags.set(u32, row, flags);
    SLOT.id.set(u32, row, id);
  }
}

/** Fails unless a result is what it should be. */
export function equal(got: number, wanted: number, what: string): void {
  check(got === wanted, `${what} is ${got} instead of ${wanted}`);
}

/** Fails unless a word of the memory holds a value. */
export function* holds(at: number, wanted: number, what: string): Steps {
  equal((yield* k.load32(at)) >>> 0, wanted >>> 0, what);
}

/** Fails unless a client's bitmap is this, from its first word on. There are four words in a chunk. */
export function* bitmap(client: number, ...wanted: readonly number[]): Steps {
  for (const [word, value] of wanted.entries()) {
    const at = chunkAt(client, Math.floor(word / 4)) + word % 4 * 4;
    yield* holds(at, value, `word ${word} of client ${client}`);
  }
}

/** A program of one thread over this memory. */
export function contract(script: () => Steps): Program {
  return {
    kernel,
    bytes: BYTES,
    origin: ORIGIN,
    setUp: ({ u32 }) => setUp(u32),
    threads: [{ name: "caller", script }],
    atEnd: ({ load32 }) => {
      for (const at of STRAY) equal(load32(at), STRAY_TAG, "a mapping that belongs to no map");
    },
  };
}
