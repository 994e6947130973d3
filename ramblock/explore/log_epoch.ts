/**
 * Explorations of the log epoch: a vCPU that marks a page once in an epoch, and then stores to it without
 * a mark, against a collector that copies the page.
 *
 * Why no store is lost. Let a store without a mark follow a mark that was made in epoch E. The vCPU loads
 * the epoch inside the section in which it stores, and finds E there. The collector takes the mark, bumps
 * the epoch to E + 1, waits for a grace period and copies. If the section began before the grace period,
 * the copy waits for the store. If it began later, its load of the epoch comes after the bump, and the
 * vCPU marks again.
 *
 * @module
 */

import { again, check, nameWords, type Program, run, type Steps } from "#tools/explorer/mod.ts";
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
/** A table of one chunk of 64 pages, for one client. */
const TABLE = RAM_AT + RAM.size;
const CHUNK = TABLE + 32;
const DATA = CHUNK + 8;
const TAKEN = DATA + 8;
const DONE = TAKEN + 24;
const BYTES = DONE + 8;
const PAGE = 3;

/** What the vCPU does: it loads the epoch inside its section or outside; or marks before it stores. */
type Vcpu = "inside" | "outside" | "mark first";

/**
 * A section with two stores. The first one marks the page, unless the vCPU has done so in this epoch.
 *
 * @param marked The epoch in which it has marked the page.
 * @returns The same, for the next section.
 */
function* section(how: Vcpu, value: number, marked: number): Steps<number> {
  const before = how === "outside" ? yield* k.logEpoch(RAM_AT) : 0;
  yield* run(lock, SLOT);
  const epoch = how === "outside" ? before : yield* k.logEpoch(RAM_AT);
  if (how === "mark first" && epoch !== marked) yield* k.setDirtyPage(RAM_AT, PAGE, 1);
  yield* t.plainStore(DATA, value);
  if (how !== "mark first" && epoch !== marked) yield* k.setDirtyPage(RAM_AT, PAGE, 1);
  yield* t.plainStore(DATA, value + 1);
  yield* run(unlock, SLOT);
  return epoch;
}

/**
 * Runs a collection, and copies.
 *
 * @param steps Its steps, between commas: take, bump, wait, put back, give up.
 * @returns The copy; the last one, if the page was clean.
 */
function* collect(steps: string, number: number, last: number): Steps<number> {
  let isDirty = false;
  for (const step of steps.split(", ")) {
    if (step === "bump") yield* k.bumpLogEpoch(RAM_AT);
    else if (step === "wait") yield* run(synchronize);
    else if (step === "take") {
      isDirty = (yield* k.takeDirty(RAM_AT, 0, 0, 8, TAKEN + 8 * number)) !== 0;
    } else if (step === "give up") return last; // the wait has failed: nothing is copied
    else if (isDirty) yield* k.setDirtyPage(RAM_AT, PAGE, 1);
  }
  return isDirty ? yield* t.plainLoad(DATA) : last;
}

function* untilDone(): Steps {
  if ((yield* k.load32(DONE)) === 0) return again(untilDone);
}

/**
 * A vCPU of two sections, and a collector that collects while it runs and once more when it has ended.
 *
 * @param first The steps of the first collection, see {@linkcode collect}.
 */
export function logEpoch(first: string, how: Vcpu = "inside"): Program {
  function* vcpu(): Steps {
    const marked = yield* run(section, how, 1, -1);
    yield* run(section, how, 3, marked);
    yield* k.store32(DONE, 1);
  }
  function* collector(): Steps {
    const early = yield* run(collect, first, 0, 0);
    yield* run(untilDone);
    const last = yield* run(collect, "take, bump, wait", 1, early);
    check(last === 4, "a store is in no copy, and its page is clean");
  }
  return {
    kernel,
    helpers: [rcuKernel, testKernel],
    bytes: BYTES,
    // Guests store plainly, and a copy may be newer than its mark.
    mayRace: (address) => address === DATA,
    setUp: ({ u32 }) => {
      domain.setUp(u32);
      RAM.chunkBits.set(u32, RAM_AT, 6);
      RAM.dirty.set(u32, RAM_AT, TABLE);
      DIRTY_TABLE.chunks.set(u32, TABLE, 1);
      u32[DIRTY_TABLE.entries.at(TABLE, 0) / 4] = CHUNK;
    },
    nameOf: nameWords([
      ...domain.names(),
      ["RAM", RAM, RAM_AT],
      ["table", 32, TABLE],
      ["chunk", 8, CHUNK],
      ["data", 4, DATA],
      ["taken", 24, TAKEN],
      ["done", 4, DONE],
    ]),
    threads: [{ name: "vCPU", script: vcpu }, { name: "collector", script: collector }],
  };
}
