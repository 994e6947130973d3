/**
 * What each function of the kernel does to the memory and returns, with one thread: the part of its
 * contract that needs no second thread to be seen. Explorations with several threads rest on it.
 *
 * @module
 */

import { check, type Program, run, type Steps } from "#tools/explorer/mod.ts";
import {
  BLOCK,
  DIRTY_TABLE,
  OUTCOME,
  RAM,
  SHADOW,
  SHADOW_ENTRY,
  SHADOW_PAGE,
  SLOT,
  SLOT_FLAG,
  SLOT_TABLE,
} from "../kernel/layouts.ts";
import { k, kernel } from "./mru.ts";

/** The memory lies on both sides of 2^31. */
const RAM_AT = 2 ** 31 - RAM.size;
const HEAD = RAM_AT + RAM.size;
const [FIRST, SECOND] = [HEAD + 64, HEAD + 64 + 80];
const TABLE = SECOND + 80;
/** Two clients of three chunks each, of 128 pages. */
const CHUNKS = 3;
const CHUNK_AT = (client: number, chunk: number) => TABLE + 48 + (client * CHUNKS + chunk) * 16;
const INTO = CHUNK_AT(2, 0);
const SLOTS = INTO + 64;
const SHADOW_AT = SLOTS + SLOT_TABLE.size + 3 * SLOT.size;
const LOG = SHADOW_AT + SHADOW.size + 4 * SHADOW_ENTRY.size + SHADOW_PAGE.size;
const CELL = LOG + 32;
/** A shadow map of two pages. */
const WIDE_AT = CELL + 32;
const WIDE_ENTRIES = 128;
const BYTES = WIDE_AT + SHADOW.size + WIDE_ENTRIES * SHADOW_ENTRY.size + 64 - RAM_AT;

/** Where the blocks begin, in guest RAM and in the host. */
const [FIRST_AT, SECOND_AT] = [2 ** 33 + 0x1000, 0x8000_0000];
const [FIRST_HOST, SECOND_HOST] = [2 ** 40 + 0x5000, 2 ** 34];
const LENGTH = 0x3000;

const half = (value: number) => [value % 2 ** 32, Math.floor(value / 2 ** 32)] as const;

function setUp(u32: Uint32Array): void {
  const at = (address: number) => address - RAM_AT;
  RAM.list.set(u32, 0, HEAD);
  RAM.version.set(u32, 0, 7);
  RAM.chunkBits.set(u32, 0, 7);
  RAM.dirty.set(u32, 0, TABLE);
  RAM.logEpoch.setHalves(u32, 0, ...half(2 ** 32 - 2));
  u32[at(HEAD) / 4] = FIRST;
  u32[at(FIRST) / 4] = SECOND;
  u32[at(SECOND) / 4] = HEAD;
  for (
    const [block, offset, host] of [[FIRST, FIRST_AT, FIRST_HOST], [SECOND, SECOND_AT, SECOND_HOST]]
  ) {
    BLOCK.offset.setHalves(u32, at(block!), ...half(offset!));
    BLOCK.host.setHalves(u32, at(block!), ...half(host!));
    BLOCK.maxLength.setHalves(u32, at(block!), ...half(LENGTH));
  }
  DIRTY_TABLE.chunks.set(u32, at(TABLE), CHUNKS);
  for (let entry = 0; entry < 2 * CHUNKS; entry++) {
    u32[at(DIRTY_TABLE.entries.at(TABLE, entry)) / 4] = CHUNK_AT(0, entry);
  }
  SLOT_TABLE.count.set(u32, at(SLOTS), 3);
  const rows = [[0x10, 4, 0], [0x20, 2 ** 32, SLOT_FLAG.READONLY], [
    2 ** 33,
    70,
    SLOT_FLAG.LOG_DIRTY,
  ]];
  rows.forEach(([base, pages, flags], index) => {
    const row = at(rowAt(index));
    SLOT.base.setHalves(u32, row, ...half(base!));
    SLOT.pages.setHalves(u32, row, ...half(pages!));
    SLOT.host.setHalves(u32, row, ...half(HOSTS[index]!));
    SLOT.flags.set(u32, row, flags!);
    SLOT.log.set(u32, row, LOG);
    SLOT.id.set(u32, row, IDS[index]!);
  });
  SHADOW.mask.set(u32, at(SHADOW_AT), 3);
  SHADOW.mask.set(u32, at(WIDE_AT), WIDE_ENTRIES - 1);
}

/** Two that differ by 64, and one whose bit is in the upper half. */
const IDS = [5, 69, 40];
const HOSTS = [2 ** 35, 2 ** 42, 2 ** 36 + 0x4000];
const rowAt = (index: number) => SLOT_TABLE.rows.at(SLOTS) + index * SLOT.size;

function equal(got: number, wanted: number, what: string): void {
  check(got === wanted, `${what} is ${got} instead of ${wanted}`);
}

function* holds(at: number, wanted: number, what: string): Steps {
  equal((yield* k.load32(at)) >>> 0, wanted, what);
}

// ---- blocks -------------------------------------------------------------------------------------

type Finder = "findBlock" | "findHost" | "walkBlocks";

function* finds(by: Finder, address: number, block: number): Steps {
  equal((yield* k[by](RAM_AT, address)) >>> 0, block, `${by} of ${address}`);
}

/** Both ends of both blocks, with the MRU word at either or at none. */
function* findsAll(by: Finder, first: number, second: number): Steps {
  for (const [start, block] of [[first, FIRST], [second, SECOND]] as const) {
    yield* run(finds, by, start, block);
    yield* run(finds, by, start + LENGTH - 1, block);
    yield* run(finds, by, start - 1, 0);
    yield* run(finds, by, start + LENGTH, 0);
    yield* run(finds, by, start, block);
  }
}

function* mruHolds(block: number, version: number): Steps {
  yield* run(holds, RAM.mru.at(RAM_AT), block, "the MRU word's block");
  yield* run(holds, RAM.mru.at(RAM_AT) + 4, version, "the MRU word's version");
}

function* blocks(): Steps {
  yield* run(findsAll, "walkBlocks", FIRST_AT, SECOND_AT);
  yield* run(findsAll, "findHost", FIRST_HOST, SECOND_HOST);
  yield* run(mruHolds, 0, 0);
  yield* run(finds, "findBlock", 0, 0);
  yield* run(mruHolds, 0, 0);
  yield* run(findsAll, "findBlock", FIRST_AT, SECOND_AT);
  yield* run(mruHolds, SECOND, 7);
  yield* run(findsAll, "findHost", FIRST_HOST, SECOND_HOST);
  yield* run(mruHolds, SECOND, 7);
  equal(yield* k.bumpVersion(RAM_AT), 8, "bumpVersion");
  yield* run(holds, RAM.version.at(RAM_AT), 8, "the version");
  yield* run(mruHolds, 0, 0);
}

/** With every link cut, a block is found by the MRU word alone, and only with its version. */
function* byTheWord(): Steps {
  yield* run(finds, "findBlock", SECOND_AT, SECOND);
  yield* k.store32(HEAD, HEAD);
  yield* run(finds, "findBlock", SECOND_AT, SECOND);
  yield* run(finds, "findHost", SECOND_HOST, SECOND);
  yield* run(finds, "walkBlocks", SECOND_AT, 0);
  yield* run(finds, "findBlock", FIRST_AT, 0);
  yield* run(finds, "findHost", FIRST_HOST, 0);
  yield* k.store32(RAM.version.at(RAM_AT), 6);
  yield* run(finds, "findBlock", SECOND_AT, 0);
  yield* run(finds, "findHost", SECOND_HOST, 0);
}

function* lengths(): Steps {
  const length = 2 ** 53 - 3;
  yield* k.setUsedLength(FIRST, length);
  equal(yield* k.usedLength(FIRST), length, "usedLength");
  yield* run(holds, BLOCK.usedLength.at(FIRST), length % 2 ** 32, "the used length");
}

// ---- cells --------------------------------------------------------------------------------------

function* cells(): Steps {
  yield* k.store32(CELL, 0b1100);
  equal(yield* k.add32(CELL, 1), 0b1100, "add32");
  equal(yield* k.or32(CELL, 0b0110), 0b1101, "or32");
  equal(yield* k.and32(CELL, 0b0101), 0b1111, "and32");
  equal(yield* k.compareExchange32(CELL, 1, 9), 0b0101, "compareExchange32 of another value");
  equal(yield* k.compareExchange32(CELL, 0b0101, 9), 0b0101, "compareExchange32");
  equal(yield* k.load32(CELL), 9, "load32");
  for (const at of [CELL + 8, CELL + 4]) {
    yield* k.store64(at, 0x8000_0001, 0x8000_0002);
    equal((yield* k.load64(at)) >>> 0, 0x8000_0001, "load64");
    equal((yield* k.upper()) >>> 0, 0x8000_0002, "the upper half");
    yield* run(holds, at + 4, 0x8000_0002, "what store64 stored");
  }
  const at = CELL + 16;
  yield* k.store64(at, 1, 0x8000_0000);
  equal(yield* k.compareExchange64(at, 1, 0, 5, 6), 1, "compareExchange64 of another value");
  equal((yield* k.upper()) >>> 0, 0x8000_0000, "the upper half");
  equal(yield* k.compareExchange64(at, 1, 0x8000_0000, 0xffff_fff0, 6), 1, "compareExchange64");
  equal((yield* k.load64(at)) >>> 0, 0xffff_fff0, "what compareExchange64 stored");
  equal(yield* k.upper(), 6, "its upper half");
}

// ---- dirty bitmaps ------------------------------------------------------------------------------

/** Words of a client's bitmap: four for each chunk. */
function* bitmap(client: number, ...wanted: number[]): Steps {
  for (const [word, value] of wanted.entries()) {
    yield* run(
      holds,
      CHUNK_AT(client, 0) + 4 * word,
      value >>> 0,
      `word ${word} of client ${client}`,
    );
  }
}

/** The epoch is a number of 64 bits: it goes on beyond 2^32. */
function* logEpochs(): Steps {
  equal(yield* k.logEpoch(RAM_AT), 2 ** 32 - 2, "logEpoch");
  for (const epoch of [2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1]) {
    yield* k.bumpLogEpoch(RAM_AT);
    equal(yield* k.logEpoch(RAM_AT), epoch, "logEpoch after bumpLogEpoch");
  }
  yield* run(holds, RAM.dirty.at(RAM_AT), TABLE, "the table of the dirty bitmaps");
}

function* dirty(): Steps {
  equal(yield* k.dirtyPages(RAM_AT), 384, "dirtyPages");
  // Pages 62 to 130: parts of two chunks, of three words of the first.
  yield* k.setDirty(RAM_AT, 62, 69, 0b10);
  yield* bitmap(0, 0, 0, 0, 0, 0);
  yield* bitmap(1, 0, 0xc000_0000, 0xffff_ffff, 0xffff_ffff, 0b111, 0);
  yield* k.setDirty(RAM_AT, 383, 1, 0b01);
  yield* bitmap(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x8000_0000);
  for (const [first, count, any] of [[0, 62, 0], [0, 63, 1], [130, 1, 1], [131, 253, 0]] as const) {
    equal(yield* k.testDirty(RAM_AT, 1, first, count), any, `testDirty of ${first} and ${count}`);
  }
  equal(yield* k.testAndClearDirty(RAM_AT, 1, 0, 62), 0, "testAndClearDirty of clean pages");
  equal(yield* k.testAndClearDirty(RAM_AT, 1, 63, 66), 1, "testAndClearDirty");
  yield* bitmap(1, 0, 0x4000_0000, 0, 0, 0b110, 0);
}

function* dirtyPages(): Steps {
  equal(yield* k.setDirtyPage(RAM_AT, 384, 0b11), 0, "setDirtyPage beyond the bitmap");
  equal(yield* k.setDirtyPage(RAM_AT, 2 ** 40, 0b11), 0, "setDirtyPage far beyond the bitmap");
  equal(yield* k.setDirtyPage(RAM_AT, 383, 0b10), 1, "setDirtyPage of the last page");
  equal(yield* k.setDirtyPage(RAM_AT, 33, 0b11), 1, "setDirtyPage for two clients");
  equal(yield* k.setDirtyPage(RAM_AT, 65, 0b01), 1, "setDirtyPage for one client");
  yield* bitmap(0, 0, 0b10, 0b10, 0, 0, 0, 0, 0, 0, 0, 0, 0);
  yield* bitmap(1, 0, 0b10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x8000_0000);
}

function* taken(): Steps {
  yield* k.setDirty(RAM_AT, 60, 10, 0b10);
  yield* k.setDirty(RAM_AT, 130, 1, 0b10);
  equal(yield* k.takeDirty(RAM_AT, 1, 0, 60, INTO), 0, "takeDirty of clean pages");
  equal(yield* k.takeDirty(RAM_AT, 1, 61, 70, INTO), 1, "takeDirty");
  // Pages 61 to 69, and 130.
  yield* run(holds, INTO, 0x1ff, "what was taken");
  yield* run(holds, INTO + 4, 0, "what was taken");
  yield* run(holds, INTO + 8, 1 << 5, "what was taken");
  yield* bitmap(1, 0, 0x1000_0000, 0, 0, 0);
}

// ---- memslots -----------------------------------------------------------------------------------

function* slotAt(gfn: number, index: number): Steps {
  equal((yield* k.findSlot(SLOTS, gfn)) >>> 0, index < 0 ? 0 : rowAt(index), `the slot of ${gfn}`);
}

function* memslots(): Steps {
  for (const [gfn, index] of [[0, -1], [0xf, -1], [0x10, 0], [0x13, 0], [0x14, -1]] as const) {
    yield* run(slotAt, gfn, index);
  }
  yield* run(slotAt, 0x20, 1);
  yield* run(slotAt, 0x1f + 2 ** 32, 1);
  yield* run(slotAt, 0x20 + 2 ** 32, -1);
  yield* run(slotAt, 2 ** 33, 2);
  yield* run(slotAt, 2 ** 33 + 69, 2);
  yield* run(slotAt, 2 ** 33 + 70, -1);
  equal(yield* k.gfnToHost(SLOTS, 0x13, 12), HOSTS[0]! + 0x3000, "gfnToHost");
  equal(yield* k.gfnToHost(SLOTS, 0x21, 16), HOSTS[1]! + 0x10000, "gfnToHost of larger pages");
  equal(yield* k.gfnToHost(SLOTS, 0x14, 12), OUTCOME.NO_SLOT, "gfnToHost without a slot");
  yield* k.store32(SLOT.flags.at(rowAt(0)), SLOT_FLAG.INVALID | SLOT_FLAG.READONLY);
  equal(yield* k.gfnToHost(SLOTS, 0x13, 12), OUTCOME.RETRY, "gfnToHost of an invalid slot");
  yield* run(slotAt, 0x13, 0);
}

function* logs(): Steps {
  equal(yield* k.takeLog(rowAt(2), INTO), 0, "takeLog of clean pages");
  yield* k.logDirty(rowAt(2), 2 ** 33 + 65);
  yield* k.logDirty(rowAt(2), 2 ** 33 + 69);
  yield* k.logDirty(rowAt(2), 2 ** 33);
  equal(yield* k.takeLog(rowAt(2), INTO), 1, "takeLog");
  yield* run(holds, INTO, 1, "the taken log");
  yield* run(holds, INTO + 8, 0b100010, "the taken log");
  yield* run(holds, LOG, 0, "the log");
  yield* run(holds, LOG + 8, 0, "the log");
}

// ---- shadow maps --------------------------------------------------------------------------------

function* fills(gfn: number, write: number, wanted: number): Steps {
  equal(yield* k.shadowFill(SHADOW_AT, SLOTS, gfn, write, 12), wanted, `shadowFill of ${gfn}`);
}

/** What the shadow map gives for a read and for a write; -1 for nothing. */
function* maps(gfn: number, read: number, write: number): Steps {
  equal(yield* k.shadowLookup(SHADOW_AT, gfn, 0), read, `reading ${gfn}`);
  equal(yield* k.shadowLookup(SHADOW_AT, gfn, 1), write, `writing ${gfn}`);
}

function* shadows(): Steps {
  yield* run(maps, 0x11, -1, -1);
  yield* run(fills, 0x11, 0, HOSTS[0]! + 0x1000);
  yield* run(maps, 0x11, HOSTS[0]! + 0x1000, HOSTS[0]! + 0x1000);
  yield* run(maps, 0x15, -1, -1);
  yield* run(fills, 0x14, 0, OUTCOME.NO_SLOT);
  yield* run(fills, 0x22, 1, OUTCOME.READ_ONLY);
  yield* run(maps, 0x22, -1, -1);
  yield* run(fills, 0x22, 0, HOSTS[1]! + 0x2000);
  yield* run(maps, 0x22, HOSTS[1]! + 0x2000, -1);
  const logged = 2 ** 33 + 3;
  yield* run(fills, logged, 0, HOSTS[2]! + 0x3000);
  yield* run(maps, logged, HOSTS[2]! + 0x3000, -1);
  yield* run(holds, LOG, 0, "the log of a page that was read");
  yield* run(fills, logged, 1, HOSTS[2]! + 0x3000);
  yield* run(maps, logged, HOSTS[2]! + 0x3000, HOSTS[2]! + 0x3000);
  yield* run(holds, LOG, 1 << 3, "the log of a page that was written");
  yield* run(counts, 3, 1, 1, 1);
  yield* run(changes);
}

function* counts(all: number, ...each: number[]): Steps {
  equal(yield* k.shadowCount(SHADOW_AT, SLOTS, 0), all, "mappings");
  for (const [index, count] of each.entries()) {
    equal(yield* k.shadowCount(SHADOW_AT, SLOTS, rowAt(index)), count, `mappings of slot ${index}`);
  }
}

function* changes(): Steps {
  equal(yield* k.shadowProtect(SHADOW_AT, rowAt(2)), 1, "shadowProtect of the logged slot");
  equal(yield* k.shadowProtect(SHADOW_AT, rowAt(1)), 0, "shadowProtect of the read-only slot");
  yield* run(maps, 0x11, HOSTS[0]! + 0x1000, HOSTS[0]! + 0x1000);
  equal(yield* k.shadowProtect(SHADOW_AT, rowAt(0)), 1, "shadowProtect");
  yield* run(maps, 0x11, HOSTS[0]! + 0x1000, -1);
  equal(yield* k.shadowProtect(SHADOW_AT, rowAt(0)), 0, "shadowProtect once more");
  equal(yield* k.shadowFlush(SHADOW_AT, 0x11, 1), 1, "shadowFlush");
  yield* run(maps, 0x11, -1, -1);
  yield* run(counts, 2, 0, 1, 1);
  equal(yield* k.shadowFlush(SHADOW_AT, 0, 2 ** 40), 2, "shadowFlush of all");
  yield* run(counts, 0, 0, 0, 0);
  yield* k.store32(SLOT.flags.at(rowAt(0)), SLOT_FLAG.INVALID);
  yield* run(fills, 0x11, 0, OUTCOME.RETRY);
}

// ---- shadow pages -------------------------------------------------------------------------------

const pageAt = (index: number) =>
  SHADOW.entries.at(WIDE_AT) + WIDE_ENTRIES * SHADOW_ENTRY.size + index * SHADOW_PAGE.size;

/** The bitmaps of both pages, as halves. */
function* bitmaps(...wanted: [number, number, number, number]): Steps {
  for (const [half, value] of wanted.entries()) {
    yield* run(holds, pageAt(half >>> 1) + 4 * (half & 1), value, `half ${half} of the bitmaps`);
  }
}

function* fillsWide(gfn: number, write: number): Steps {
  check((yield* k.shadowFill(WIDE_AT, SLOTS, gfn, write, 12)) > 0, `shadowFill of ${gfn}`);
}

function* shadowPages(): Steps {
  yield* bitmaps(0, 0, 0, 0);
  yield* run(fillsWide, 0x10, 1);
  yield* bitmaps(1 << 5, 0, 0, 0);
  yield* run(fillsWide, 0x40 + 0x20, 0); // a slot whose bit is the same
  yield* bitmaps(1 << 5, 0, 1 << 5, 0);
  const logged = 2 ** 33;
  yield* run(fillsWide, logged, 1);
  yield* run(fillsWide, logged + 63, 1);
  yield* run(fillsWide, logged + 64, 1);
  yield* bitmaps(1 << 5, 1 << 8, 1 << 5, 1 << 8);
  yield* run(fillsWide, 0x13, 1);
  equal(yield* k.shadowProtect(WIDE_AT, rowAt(2)), 3, "shadowProtect in both pages");
  equal(yield* k.shadowProtect(WIDE_AT, rowAt(1)), 0, "shadowProtect by a bit of another slot");
  // The bitmap alone says which pages are walked.
  yield* k.store32(pageAt(0), 1 << 4);
  equal(yield* k.shadowProtect(WIDE_AT, rowAt(0)), 0, "shadowProtect without the bit");
  yield* run(fillsWide, 0x12, 0);
  yield* bitmaps(1 << 4 | 1 << 5, 1 << 8, 1 << 5, 1 << 8);
  equal(yield* k.shadowProtect(WIDE_AT, rowAt(0)), 3, "shadowProtect with the bit");
  yield* k.shadowClear(WIDE_AT);
  yield* bitmaps(0, 0, 0, 0);
  equal(yield* k.shadowCount(WIDE_AT, SLOTS, 0), 0, "mappings after shadowClear");
  yield* run(holds, pageAt(2), 0, "what lies behind the bitmaps");
}

function contract(script: () => Steps): Program {
  return {
    kernel,
    bytes: BYTES,
    origin: RAM_AT,
    setUp: ({ u32 }) => setUp(u32),
    threads: [{ name: "caller", script }],
  };
}

/** The contracts by name. */
export const contracts: Readonly<Record<string, Program>> = {
  "blocks": contract(blocks),
  "blocks by the MRU word": contract(byTheWord),
  "used lengths": contract(lengths),
  "cells": contract(cells),
  "log epochs": contract(logEpochs),
  "ranges of dirty pages": contract(dirty),
  "single dirty pages": contract(dirtyPages),
  "taken dirty pages": contract(taken),
  "memslots": contract(memslots),
  "logs": contract(logs),
  "shadow maps": contract(shadows),
  "shadow pages": contract(shadowPages),
};
