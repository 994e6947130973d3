/**
 * Explorations of words that several contexts change at once: the kernel's cells, and the dirty bitmaps.
 *
 * @module
 */

import { again, check, type Program, run, type Steps } from "#tools/explorer/mod.ts";
import { BLOCK, DIRTY_TABLE, RAM } from "../kernel/layouts.ts";
import { k, kernel } from "./mru.ts";

const [ADDED, SET, CLEARED] = [0, 4, 8];
const RECORD = 16;
const USED = BLOCK.usedLength.at(RECORD);
const STORED = RECORD + BLOCK.size;
const EXCHANGED = STORED + 8;

/** Changes each word, and stores a length and eight bytes whose halves belong together. */
function* changesAll(number: number): Steps {
  yield* k.add32(ADDED, number);
  yield* k.or32(SET, number);
  yield* k.and32(CLEARED, ~number);
  yield* k.setUsedLength(RECORD, number * 2 ** 32 + number);
  yield* run(isWhole, yield* k.usedLength(RECORD));
  yield* k.store64(STORED, number, number);
  const low = yield* k.load64(STORED);
  check((yield* k.upper()) === low, "eight bytes of two stores");
  yield* run(exchange, number);
}

function* exchange(number: number): Steps {
  const low = yield* k.load64(EXCHANGED);
  const high = yield* k.upper();
  const seen = yield* k.compareExchange64(EXCHANGED, low, high, low | number, high | number);
  if (seen !== low) return again(exchange, number);
}

// deno-lint-ignore require-yield
function* isWhole(length: number): Steps {
  check(length % 2 ** 32 === Math.floor(length / 2 ** 32), "a used length of two stores");
}

/** Two contexts that change the same words. */
export const changes: Program = {
  kernel,
  bytes: EXCHANGED + 8,
  setUp: ({ u32 }) => {
    u32[CLEARED / 4] = 0b111;
  },
  threads: [1, 2].map((number) => ({
    name: `context ${number}`,
    script: changesAll,
    args: [number],
  })),
  atEnd: ({ load32, load64 }) => {
    check(load32(ADDED) === 3 && load32(SET) === 3 && load32(CLEARED) === 4, "a change is lost");
    check(load32(USED) === load32(USED + 4), "a used length of two stores");
    check(load64(EXCHANGED) === 3 * 2 ** 32 + 3, "an exchange is lost");
  },
};

// ---- dirty bitmaps ------------------------------------------------------------------------------

const TABLE = RAM.size;
const CHUNK = TABLE + 32;
const INTO = CHUNK + 8;
const TAKEN = INTO + 8;
/** Its bit is none of those of the number of pages that are taken. */
const PAGE = 2;

function* clears(): Steps {
  const any = yield* k.testAndClearDirty(0, 0, 0, 8);
  yield* k.add32(TAKEN, any);
}

function* takes(): Steps {
  const any = yield* k.takeDirty(0, 0, 0, 8, INTO);
  yield* k.add32(TAKEN, any);
}

function* tests(): Steps {
  yield* k.testDirty(0, 0, PAGE, 1);
  yield* k.setDirtyPage(0, PAGE + 1, 1);
}

/** A page is dirty, and two contexts clear the mark: one of them is told. */
export function oneMark(first: "clears" | "takes"): Program {
  const threads = [{ name: "one", script: first === "clears" ? clears : takes }, {
    name: "other",
    script: clears,
  }];
  return {
    kernel,
    bytes: TAKEN + 8,
    setUp: ({ u32 }) => setUp(u32, 1 << PAGE),
    threads,
    atEnd: ({ load32 }) => check(load32(TAKEN) === 1, "one mark is found once"),
  };
}

/** A context tests a page and marks the next one, while another takes marks. */
export const testsWhileTaken: Program = {
  kernel,
  bytes: TAKEN + 8,
  setUp: ({ u32 }) => setUp(u32, 1 << PAGE),
  threads: [{ name: "tester", script: tests }, { name: "taker", script: takes }],
};

function setUp(u32: Uint32Array, marks: number): void {
  RAM.chunkBits.set(u32, 0, 6);
  RAM.dirty.set(u32, 0, TABLE);
  DIRTY_TABLE.chunks.set(u32, TABLE, 1);
  u32[DIRTY_TABLE.entries.at(TABLE, 0) / 4] = CHUNK;
  u32[CHUNK / 4] = marks;
}
