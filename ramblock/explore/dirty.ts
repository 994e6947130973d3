/**
 * Explorations of the dirty bitmaps: marking pages against those who take the marks, and against a
 * table that grows.
 *
 * @module
 */

import {
  again,
  check,
  free,
  nameWords,
  type Program,
  run,
  type Step,
  type Steps,
} from "#tools/explorer/mod.ts";
import {
  ExploredDomain,
  lock,
  rcuKernel,
  synchronize,
  unlock,
} from "#tools/explorer/rcu_domain.ts";
import { t, testKernel } from "#tools/explorer/test_kernel.ts";
import { DIRTY_TABLE, RAM } from "../kernel/layouts.ts";
import { k, kernel } from "./mru.ts";

const domain = new ExploredDomain("rcu", 1);
const SLOT = domain.slots[0]!;
const RAM_AT = domain.bytes;
/** A table of one chunk for a client, and one of two. */
const SMALL = RAM_AT + RAM.size;
const LARGE = SMALL + 32;
/** Chunks of 64 pages, the first for the client, the others for growth. */
const CHUNK = LARGE + 48;
const PAGE = 3;
const DATA = CHUNK + 48;
const TAKEN = DATA + 8;
const DONE = TAKEN + 24;
const BYTES = DONE + 8;

/** What lies in the memory; one client uses the bitmaps. */
function base(): Omit<Program, "threads"> {
  return {
    kernel,
    helpers: [rcuKernel],
    bytes: BYTES,
    blocks: { small: { at: SMALL, bytes: 32 } },
    setUp: ({ u32 }) => {
      domain.setUp(u32);
      RAM.chunkBits.set(u32, RAM_AT, 6);
      RAM.dirty.set(u32, RAM_AT, SMALL);
      [SMALL, LARGE].forEach((table, index) => {
        DIRTY_TABLE.chunks.set(u32, table, 1 + index);
        for (let entry = 0; entry <= index; entry++) {
          u32[DIRTY_TABLE.entries.at(table, entry) / 4] = CHUNK + 8 * entry;
        }
      });
    },
    nameOf: nameWords([
      ...domain.names(),
      ["RAM", RAM, RAM_AT],
      ["small", 32, SMALL],
      ["large", 48, LARGE],
      ["chunk", 48, CHUNK],
      ["data", 4, DATA],
      ["taken", 24, TAKEN],
      ["done", 4, DONE],
    ]),
  };
}

function* writeAndMark(value: number): Steps {
  yield* run(lock, SLOT);
  yield* k.store32(DATA, value);
  yield* k.setDirtyPage(RAM_AT, PAGE, 1);
  yield* run(unlock, SLOT);
}

function* markAndWrite(value: number): Steps {
  yield* run(lock, SLOT);
  yield* k.setDirtyPage(RAM_AT, PAGE, 1);
  yield* k.store32(DATA, value);
  yield* run(unlock, SLOT);
}

function* collect(number: number, last: number): Steps<number> {
  const any = yield* k.takeDirty(RAM_AT, 0, 0, 8, TAKEN + 8 * number);
  return any === 0 ? last : yield* k.load32(DATA);
}

function* collector(): Steps {
  const first = yield* run(collect, 0, 0);
  const second = yield* run(collect, 1, first);
  yield* run(untilDone);
  const last = yield* run(collect, 2, second);
  check(last === 2, "a write is in no copy, and its page is clean");
}

function* untilDone(): Steps {
  if ((yield* k.load32(DONE)) === 0) return again(untilDone);
}

/** A worker writes twice and marks the page each time; a collector takes the marks and copies. */
export function migration(order: "write first" | "mark first"): Program {
  const write = order === "write first" ? writeAndMark : markAndWrite;
  function* worker(): Steps {
    yield* run(write, 1);
    yield* run(write, 2);
    yield* k.store32(DONE, 1);
  }
  const threads = [{ name: "worker", script: worker }, { name: "collector", script: collector }];
  return { ...base(), threads };
}

// ---- marks that look first ----------------------------------------------------------------------

function* lookFirst(): Steps {
  if ((yield* k.testDirty(RAM_AT, 0, PAGE, 1)) === 0) yield* k.setDirtyPage(RAM_AT, PAGE, 1);
}

function* alwaysMark(): Steps {
  yield* k.setDirtyPage(RAM_AT, PAGE, 1);
}

/**
 * A worker that writes by plain stores, as guests do, and a collector that copies by plain loads.
 * The data may race: a write that comes too late for a copy marks its page for the next one. So a mark
 * must order the write before it, and one that is left out, since the bit is set already, does not.
 */
export function plainData(mark: "always" | "look first"): Program {
  const marks = mark === "always" ? alwaysMark : lookFirst;
  function* worker(): Steps {
    for (const value of [1, 2]) {
      yield* t.plainStore(DATA, value);
      yield* run(marks);
    }
    yield* k.store32(DONE, 1);
  }
  function* collectPlainly(number: number, last: number): Steps<number> {
    const any = yield* k.takeDirty(RAM_AT, 0, 0, 8, TAKEN + 8 * number);
    return any === 0 ? last : yield* t.plainLoad(DATA);
  }
  function* collector(): Steps {
    const first = yield* run(collectPlainly, 0, 0);
    yield* run(untilDone);
    const last = yield* run(collectPlainly, 1, first);
    check(last === 2, "a write is in no copy, and its page is clean");
  }
  return {
    ...base(),
    helpers: [rcuKernel, testKernel],
    // A late load would give the collector newer data, which is as good: what counts is the last copy.
    mayRace: (address) => address === DATA,
    threads: [{ name: "worker", script: worker }, { name: "collector", script: collector }],
  };
}

/** Every way in which a worker uses the bitmaps, in a section each. */
const USES: readonly (() => Step<number> | Step<void>)[] = [
  () => k.setDirty(RAM_AT, PAGE, 1, 1),
  () => k.testDirty(RAM_AT, 0, PAGE, 1),
  () => k.takeDirty(RAM_AT, 0, 0, 2, TAKEN),
  () => k.dirtyPages(RAM_AT),
];

function* useAll(): Steps {
  for (const use of USES) {
    yield* run(lock, SLOT);
    yield* use();
    yield* run(unlock, SLOT);
  }
}

function* markTwice(): Steps {
  yield* run(writeAndMark, 1);
  yield* run(writeAndMark, 2);
}

/** A worker marks a page while the table of the bitmaps is replaced by a larger one. */
export function growth(waits: boolean, uses: "marks" | "all"): Program {
  function* grower(): Steps {
    yield* k.store32(RAM.dirty.at(RAM_AT), LARGE);
    if (waits) yield* run(synchronize);
    yield* free("small");
    yield* k.testAndClearDirty(RAM_AT, 0, 64, 1);
  }
  return {
    ...base(),
    threads: [{ name: "worker", script: uses === "all" ? useAll : markTwice }, {
      name: "grower",
      script: grower,
    }],
    atEnd: ({ load32 }) => check(load32(CHUNK) === 1 << PAGE, "the mark is in the bitmap"),
  };
}
