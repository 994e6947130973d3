/**
 * What the kernel's functions for the dirty bitmaps do, with one thread.
 *
 * @module
 */

import { type Program, run, type Steps } from "#tools/explorer/mod.ts";
import { RAM } from "../kernel/layouts.ts";
import {
  bitmap,
  contract,
  equal,
  FIRST_EPOCH,
  holds,
  INTO,
  RAM_AT,
  TABLE,
} from "./contract_memory.ts";
import { k } from "./mru.ts";

const ONES = 0xffff_ffff;

/** The epoch is a number of 64 bits: it goes on beyond 2^32. */
function* logEpochs(): Steps {
  equal(yield* k.logEpoch(RAM_AT), FIRST_EPOCH, "logEpoch");
  for (const epoch of [1, 2, 3].map((bumps) => FIRST_EPOCH + bumps)) {
    yield* k.bumpLogEpoch(RAM_AT);
    equal(yield* k.logEpoch(RAM_AT), epoch, "logEpoch after bumpLogEpoch");
  }
  yield* run(holds, RAM.dirty.at(RAM_AT), TABLE, "the table of the dirty bitmaps");
}

function* ranges(): Steps {
  equal(yield* k.dirtyPages(RAM_AT), 384, "dirtyPages");
  // Pages 62 to 130: parts of two chunks, of three words of the first.
  yield* k.setDirty(RAM_AT, 62, 69, 0b10);
  yield* bitmap(0, 0, 0, 0, 0, 0);
  yield* bitmap(1, 0, 0xc000_0000, ONES, ONES, 0b111, 0);
  yield* k.setDirty(RAM_AT, 383, 1, 0b01);
  yield* bitmap(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x8000_0000);
  for (const [first, count, any] of [[0, 62, 0], [0, 63, 1], [130, 1, 1], [131, 253, 0]] as const) {
    equal(yield* k.testDirty(RAM_AT, 1, first, count), any, `testDirty of ${first} and ${count}`);
  }
  equal(yield* k.testAndClearDirty(RAM_AT, 1, 0, 62), 0, "testAndClearDirty of clean pages");
  equal(yield* k.testAndClearDirty(RAM_AT, 1, 63, 66), 1, "testAndClearDirty");
  yield* bitmap(1, 0, 0x4000_0000, 0, 0, 0b110, 0);
  // A clean word before a dirty one.
  yield* k.setDirty(RAM_AT, 200, 1, 0b10);
  equal(yield* k.testAndClearDirty(RAM_AT, 1, 140, 100), 1, "testAndClearDirty of two words");
  yield* bitmap(1, 0, 0x4000_0000, 0, 0, 0b110, 0, 0, 0);
}

/** A range that is longer than a word and begins with it; one that is shorter than what lies before. */
function* moreRanges(): Steps {
  yield* k.setDirty(RAM_AT, 0, 100, 0b11);
  yield* bitmap(0, ONES, ONES, ONES, 0b1111, 0, 0, 0, 0);
  yield* bitmap(1, ONES, ONES, ONES, 0b1111, 0, 0, 0, 0);
  yield* k.setDirty(RAM_AT, 120, 20, 0b01);
  yield* bitmap(0, ONES, ONES, ONES, 0xff00_000f, 0xfff, 0, 0, 0);
}

function* pages(): Steps {
  equal(yield* k.setDirtyPage(RAM_AT, 384, 0b11), 0, "setDirtyPage beyond the bitmap");
  equal(yield* k.setDirtyPage(RAM_AT, 2 ** 40, 0b11), 0, "setDirtyPage far beyond the bitmap");
  equal(yield* k.setDirtyPage(RAM_AT, 383, 0b10), 1, "setDirtyPage of the last page");
  equal(yield* k.setDirtyPage(RAM_AT, 33, 0b11), 1, "setDirtyPage for two clients");
  equal(yield* k.setDirtyPage(RAM_AT, 65, 0b01), 1, "setDirtyPage for one client");
  equal(yield* k.setDirtyPage(RAM_AT, 129, 0b01), 1, "setDirtyPage in the second chunk");
  yield* bitmap(0, 0, 0b10, 0b10, 0, 0b10, 0, 0, 0, 0, 0, 0, 0);
  yield* bitmap(1, 0, 0b10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x8000_0000);
}

function* taken(...wanted: readonly number[]): Steps {
  for (const [word, value] of wanted.entries()) {
    yield* run(holds, INTO + 4 * word, value, `word ${word} of what was taken`);
  }
}

function* takes(): Steps {
  yield* k.setDirty(RAM_AT, 60, 10, 0b10);
  yield* k.setDirty(RAM_AT, 130, 1, 0b10);
  equal(yield* k.takeDirty(RAM_AT, 1, 0, 60, INTO), 0, "takeDirty of clean pages");
  equal(yield* k.takeDirty(RAM_AT, 1, 61, 70, INTO), 1, "takeDirty");
  // Pages 61 to 69, and 130.
  yield* taken(0x1ff, 0, 1 << 5);
  yield* bitmap(1, 0, 0x1000_0000, 0, 0, 0);
}

/** Whole words. */
function* takesWords(): Steps {
  yield* k.setDirty(RAM_AT, 0, 384, 0b10);
  equal(yield* k.takeDirty(RAM_AT, 1, 64, 64, INTO), 1, "takeDirty");
  yield* taken(ONES, ONES, 0);
  yield* bitmap(1, ONES, ONES, 0, 0, ONES);
}

/** All pages of a range are dirty, and it begins at another bit of a word than what is taken. */
function* takesAll(): Steps {
  yield* k.setDirty(RAM_AT, 0, 384, 0b10);
  equal(yield* k.takeDirty(RAM_AT, 1, 123, 200, INTO), 1, "takeDirty");
  yield* taken(ONES, ONES, ONES, ONES, ONES, ONES, 0xff, 0);
  yield* bitmap(1, ONES, ONES, ONES, 0x07ff_ffff, 0, 0, 0, 0, 0, 0, ~0b111, ONES);
}

/** A range that is shorter than what lies before it in its chunk, and ends in the next. */
function* takesFew(): Steps {
  yield* k.setDirty(RAM_AT, 0, 384, 0b01);
  equal(yield* k.takeDirty(RAM_AT, 0, 248, 20, INTO), 1, "takeDirty");
  yield* taken(0xf_ffff, 0);
  yield* bitmap(0, ONES, ONES, ONES, ONES, ONES, ONES, ONES, 0x00ff_ffff, ~0xfff, ONES);
}

/** The contracts by name. */
export const dirtyContracts: Readonly<Record<string, Program>> = {
  "log epochs": contract(logEpochs),
  "ranges of dirty pages": contract(ranges),
  "long and short ranges of dirty pages": contract(moreRanges),
  "single dirty pages": contract(pages),
  "taken dirty pages": contract(takes),
  "whole words of taken dirty pages": contract(takesWords),
  "many taken dirty pages": contract(takesAll),
  "few taken dirty pages": contract(takesFew),
};
