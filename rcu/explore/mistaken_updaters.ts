/**
 * Ways in which a grace period could be too short, each of which frees a block under its reader. What
 * the kernel does instead is in its comments and in the table of orderings in REFERENCE.md.
 *
 * @module
 */

import { again, allocate, free, type Program, run, type Steps } from "#tools/explorer/mod.ts";
import { t, testKernel } from "#tools/explorer/test_kernel.ts";
import { DOMAIN, SLOT, SRCU_SLOT } from "../kernel/layouts.ts";
import { enter, leave, readers } from "./readers.ts";
import { BLOCK, blocks, CELL, D, type Flavour, k, setting, SLOTS } from "./setting.ts";
import { startPoll, updates } from "./updaters.ts";

const GP_CTR = DOMAIN.gpCtr.at(D);

function* noWait(): Steps {}

/** RCU. Waits for the readers of older grace periods, and only then starts one. */
function* scanFirst(cookie: number): Steps {
  const current = yield* k.load64(GP_CTR);
  for (const slot of SLOTS) yield* run(olderGone, slot, current);
  yield* k.pairStore(GP_CTR, cookie, 0);
}

function* olderGone(slot: number, current: number): Steps {
  const ctr = yield* k.load64(SLOT.ctr.at(slot));
  if (ctr !== 0 && ctr < current) return again(olderGone, slot, current);
}

function* drain(index: number): Steps {
  for (const slot of SLOTS) yield* run(drained, SRCU_SLOT.active.at(slot, index));
}

function* drained(word: number): Steps {
  if ((yield* k.load32(word)) !== 0) return again(drained, word);
}

/** The index that readers take at a sequence. */
const indexOf = (sequence: number) => ((sequence + 2) >>> 2) & 1;

/** SRCU. Flips at once, then drains the old index: a reader of the other one may be left over. */
function* drainAfterOnly(cookie: number): Steps {
  yield* k.pairStore(GP_CTR, cookie - 2, 0);
  yield* run(drain, indexOf(cookie - 2) ^ 1);
  yield* k.pairStore(GP_CTR, cookie, 0);
}

/** SRCU. Drains the index that is not current, then flips: the readers of the old index are left. */
function* drainBeforeOnly(cookie: number): Steps {
  yield* k.pairStore(GP_CTR, cookie - 3, 0);
  yield* run(drain, indexOf(cookie - 3) ^ 1);
  yield* k.pairStore(GP_CTR, cookie, 0);
}

/** What is wrong, and the wait that is wrong in this way. */
const WAITS = {
  "frees without a grace period": noWait,
  "scans before it starts the grace period": scanFirst,
  "does not drain before the flip": drainAfterOnly,
  "does not drain after the flip": drainBeforeOnly,
} satisfies Record<string, (cookie: number) => Steps>;

/** What is wrong. */
export type ShortWait = keyof typeof WAITS;

/** What can be wrong with each flavour. */
export function shortWaits(flavour: Flavour): ShortWait[] {
  if (flavour !== "srcu") {
    return ["frees without a grace period", "scans before it starts the grace period"];
  }
  return [
    "frees without a grace period",
    "does not drain before the flip",
    "does not drain after the flip",
  ];
}

function* update(flavour: Flavour, mistake: ShortWait, block: "old" | "other"): Steps {
  const before = block === "old" ? "other" : "old";
  yield* allocate(block);
  yield* k.store32(CELL, BLOCK[block]);
  const cookie = yield* run(startPoll, flavour);
  yield* run(WAITS[mistake], cookie);
  yield* free(before);
}

function* twoUpdates(flavour: Flavour, mistake: ShortWait): Steps {
  yield* run(update, flavour, mistake, "other");
  yield* run(update, flavour, mistake, "old");
}

/** Two readers of two sections each, and an updater whose grace periods are too short. */
export function tooShort(mistake: ShortWait, flavour: Flavour): Program {
  const updater = { name: "updater", script: twoUpdates, args: [flavour, mistake] };
  return { ...setting(flavour), blocks, threads: [...readers(flavour, 2, "block"), updater] };
}

function* plainSection(flavour: Flavour): Steps {
  const index = yield* run(enter, flavour, SLOTS[0]);
  const block = yield* t.plainLoad(CELL);
  yield* t.plainLoad(block);
  yield* run(leave, flavour, SLOTS[0], index);
}

/** A reader that dereferences the cell by a plain load: nothing orders the block's content before it. */
export function plainDereference(flavour: Flavour): Program {
  return {
    ...setting(flavour),
    helpers: [testKernel],
    blocks,
    threads: [
      { name: "reader", script: plainSection, args: [flavour] },
      { name: "updater", script: updates, args: [flavour, 1] },
    ],
  };
}
