/**
 * Explorations of eviction: nobody waits for a reader that was evicted, and a reader that lives on
 * never takes for good what it read in a section that an eviction ended.
 *
 * A block is a word here: 1 while it holds an object, 0 once it is freed. An evicted reader may read
 * a freed block, as long as it is told, so the words are accessed by several threads at once.
 *
 * @module
 */

import {
  again,
  check,
  dead,
  type Program,
  run,
  type Steps,
  type Thread,
} from "#tools/explorer/mod.ts";
import { sections } from "./readers.ts";
import {
  BLOCK,
  blocks,
  CELL,
  D,
  FLAG,
  type Flavour,
  isSrcu,
  k,
  setting,
  SLOTS,
  TOKENS,
} from "./setting.ts";
import { gracePeriod, updates } from "./updaters.ts";

const SLOT_0 = SLOTS[0];

/** Ends the sections of slot 0. */
function* evict(flavour: Flavour): Steps {
  const readers = yield* k.evictSlots(D, TOKENS[0], isSrcu(flavour));
  check(readers === 1, "an eviction counts another number of readers");
}

/** Replaces the block, waits for a grace period and marks the old one as freed; then once more. */
function* replaceTwice(flavour: Flavour): Steps {
  yield* run(replace, flavour, BLOCK.other, BLOCK.old);
  yield* run(replace, flavour, BLOCK.old, BLOCK.other);
}

function* replace(flavour: Flavour, block: number, before: number): Steps {
  yield* k.store32(block, 1);
  yield* k.store32(CELL, block);
  yield* run(gracePeriod, flavour, "look");
  yield* k.store32(before, 0);
}

function takeForGood(value: number, told: boolean): void {
  check(told || value === 1, "an evicted reader uses a freed block and is not told");
}

/** One section. What it read counts unless its end reports an eviction. */
function* section(flavour: Flavour): Steps {
  const index = yield* run(enterUnlessEvicted, flavour);
  const value = index < 0 ? 1 : yield* k.load32(yield* k.load32(CELL));
  const told = yield* run(leave, flavour, index < 0 ? -1 - index : index);
  takeForGood(value, told);
  if (flavour === "qsbr") yield* k.unlock(D, SLOT_0);
  if (told) yield* k.releaseSlot(D, SLOT_0, TOKENS[0]);
}

/** @returns The index of an SRCU section, or -1 - index if the entry reports an eviction. */
function* enterUnlessEvicted(flavour: Flavour): Steps<number> {
  if (flavour !== "srcu") return (yield* k.lock(D, SLOT_0)) === 1 ? -1 : 0;
  const entered = yield* k.srcuLock(D, SLOT_0);
  return entered & 2 ? -1 - (entered & 1) : entered;
}

/** @returns Whether the end of the section reports an eviction. */
function* leave(flavour: Flavour, index: number): Steps<boolean> {
  if (flavour === "memb") return (yield* k.unlock(D, SLOT_0)) === 1;
  if (flavour === "qsbr") return (yield* k.quiescent(D, SLOT_0)) === 1;
  return (yield* k.srcuUnlock(D, SLOT_0, index)) === 1;
}

function* fusedSection(): Steps {
  const value = yield* k.readWord(D, SLOT_0, CELL, 0);
  takeForGood(value, value === -1);
}

function withEvictor(flavour: Flavour, reader: Omit<Thread, "name">): Program {
  return {
    ...setting(flavour),
    // A load of a block that were late, past the atomic store that ends the section, could give what
    // was stored after the eviction. The language does not forbid it; no engine moves a load so.
    mayRace: (address) => address >= BLOCK.old && address < FLAG,
    threads: [
      { name: "reader", ...reader },
      { name: "updater", script: replaceTwice, args: [flavour] },
      { name: "evictor", script: evict, args: [flavour] },
    ],
  };
}

/** A reader of one section that is evicted at any time, and an updater of two updates. */
export function evicted(flavour: Flavour): Program {
  return withEvictor(flavour, { script: section, args: [flavour] });
}

/** The same with a reader whose section is one call. */
export function fusedEvicted(): Program {
  return withEvictor("memb", { script: fusedSection });
}

/** A reader of one section that sets a word at its end. */
function* andThenFlag(flavour: Flavour): Steps {
  yield* run(sections, flavour, SLOT_0, "block", 1);
  yield* k.store32(FLAG, 1);
}

/** Evicts the reader once its death is reported; goes when the reader has gone. */
function* supervise(flavour: Flavour): Steps {
  if (yield* dead("reader")) return yield* run(evict, flavour);
  if ((yield* k.load32(FLAG)) === 0) return again(supervise, flavour);
}

/** A reader that may die at any step, its supervisor, and an updater that must come to its end. */
export function readerDies(flavour: Flavour): Program {
  return {
    ...setting(flavour),
    blocks,
    threads: [
      { name: "reader", script: andThenFlag, args: [flavour], dies: true },
      { name: "updater", script: updates, args: [flavour, 2] },
      { name: "supervisor", script: supervise, args: [flavour] },
    ],
  };
}

/** The same with an updater that sleeps. */
export function readerDiesSleeper(flavour: Flavour): Program {
  const { threads, ...rest } = readerDies(flavour);
  const updater = { name: "updater", script: gracePeriod, args: [flavour, "sleep"] };
  return { ...rest, threads: [threads[0]!, updater, threads[2]!] };
}
