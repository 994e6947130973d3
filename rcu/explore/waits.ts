/**
 * Explorations of contexts that wait and have readers of their own: a QSBR reader is suspended while its
 * context waits, and a wait may be given up.
 *
 * @module
 */

import { allocate, free, type Program, run, type Steps } from "#tools/explorer/mod.ts";
import { readers, useBlock } from "./readers.ts";
import { BLOCK, blocks, CELL, D, EVENT, type Flavour, k, setting, SLOTS } from "./setting.ts";
import { advance, arm, gracePeriod, startPoll } from "./updaters.ts";

/** What a context with a QSBR reader may do wrong when it waits. */
export type WaitMistake = "stays online" | "keeps what it has dereferenced";

/** Waits for a grace period with its reader offline, and goes on with what is current then. */
function* waits(slot: number, mistake?: WaitMistake): Steps {
  yield* k.lock(D, slot);
  const before = yield* k.load32(CELL);
  yield* k.load32(before);
  if (mistake !== "stays online") yield* k.unlock(D, slot);
  yield* run(gracePeriod, "qsbr", "sleep");
  if (mistake !== "stays online") yield* k.lock(D, slot);
  if (mistake === "keeps what it has dereferenced") yield* k.load32(before);
  else yield* run(useBlock);
  yield* k.unlock(D, slot);
}

/** The same, with a block published before the wait and the one that it replaces freed after it. */
function* updates(slot: number, mistake?: WaitMistake): Steps {
  yield* k.lock(D, slot);
  yield* allocate("other");
  yield* k.store32(CELL, BLOCK.other);
  if (mistake !== "stays online") yield* k.unlock(D, slot);
  yield* run(gracePeriod, "qsbr", "sleep");
  yield* free("old");
  if (mistake !== "stays online") yield* k.lock(D, slot);
  yield* run(useBlock);
  yield* k.unlock(D, slot);
}

/** Two contexts with a QSBR reader each, which wait for each other; one of them frees a block. */
export function suspended(mistake?: WaitMistake): Program {
  const args = mistake ? [mistake] : [];
  return {
    ...setting("qsbr"),
    blocks,
    threads: [
      { name: "context 0", script: waits, args: [SLOTS[0], ...args] },
      { name: "context 1", script: updates, args: [SLOTS[1], ...args] },
    ],
  };
}

/** Sleeps once, with readers armed, and gives up: it wakes all sleepers, as an abort does. */
function* givesUp(flavour: Flavour): Steps {
  const cookie = yield* run(startPoll, flavour);
  if ((yield* run(advance, flavour, cookie)) === 0) return;
  const seen = yield* k.load32(EVENT);
  if ((yield* run(arm, flavour, 0)) === 0) return;
  yield* k.wait32(EVENT, seen, 1);
  yield* k.notify(EVENT, -1);
}

/** Two updaters that sleep, one of which gives up at any moment. */
export function givenUp(flavour: Flavour): Program {
  return {
    ...setting(flavour),
    threads: [
      ...readers(flavour, 1, "nothing", 1),
      { name: "updater that gives up", script: givesUp, args: [flavour] },
      { name: "updater", script: gracePeriod, args: [flavour, "sleep"] },
    ],
  };
}
