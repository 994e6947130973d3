/**
 * What updaters do: publish a block, wait for a grace period, free the block that was there before.
 *
 * @module
 */

import { again, allocate, free, run, type Steps } from "#tools/explorer/mod.ts";
import { BLOCK, CELL, D, EVENT, type Flavour, k } from "./setting.ts";

/** How an updater waits: it looks again at once, sleeps as the driver does, or asks readers to hurry. */
export type Wait = "look" | "sleep" | "hurry";

/** Starts and completes grace periods. @returns The slot in the way, or 0. */
export function* advance(flavour: Flavour, cookie: number): Steps<number> {
  if (flavour === "srcu") return yield* k.srcuAdvance(D, cookie);
  return yield* k.advance(D, cookie);
}

/** Asks the readers in the way to signal. @returns The slot of one that is still in the way, or 0. */
export function* arm(flavour: Flavour, hurry: number): Steps<number> {
  return flavour === "srcu" ? yield* k.srcuArm(D, hurry) : yield* k.arm(D, hurry);
}

/** Waits until the grace period of a cookie is over. */
export function* waitFor(flavour: Flavour, cookie: number, wait: Wait): Steps {
  if ((yield* run(advance, flavour, cookie)) === 0) return;
  if (wait !== "look" && (yield* run(sleep, flavour, cookie, wait === "hurry" ? 1 : 0))) return;
  return again(waitFor, flavour, cookie, wait);
}

/**
 * Sleeps until a reader signals: only if a slot holds after it was armed, and not if the grace period
 * is over, for then that slot may hold up a later one.
 *
 * @returns Whether the grace period is over.
 */
function* sleep(flavour: Flavour, cookie: number, hurry: number): Steps<boolean> {
  const seen = yield* k.load32(EVENT);
  if ((yield* run(arm, flavour, hurry)) === 0) return false;
  if ((yield* run(advance, flavour, cookie)) === 0) return true;
  yield* k.wait32(EVENT, seen, -1);
  return false;
}

/** The cookie of a grace period that begins after this call. */
export function* startPoll(flavour: Flavour): Steps<number> {
  return flavour === "srcu" ? yield* k.srcuStartPoll(D) : yield* k.startPoll(D);
}

/** Asks for a grace period and waits until it is over. */
export function* gracePeriod(flavour: Flavour, wait: Wait): Steps {
  const cookie = yield* run(startPoll, flavour);
  yield* run(waitFor, flavour, cookie, wait);
}

/** Grace periods one after the other. */
export function* gracePeriods(flavour: Flavour, wait: Wait, count: number): Steps {
  yield* run(gracePeriod, flavour, wait);
  if (count > 1) return again(gracePeriods, flavour, wait, count - 1);
}

/** Publishes a block and frees the one that the cell pointed at; that block is then published next. */
function* update(flavour: Flavour, block: "old" | "other"): Steps {
  const before = block === "old" ? "other" : "old";
  yield* allocate(block);
  yield* k.store32(CELL, BLOCK[block]);
  yield* run(gracePeriod, flavour, "look");
  yield* free(before);
}

/** Updates one after the other, by a writer that is alone. */
export function* updates(flavour: Flavour, count: number): Steps {
  yield* run(update, flavour, "other");
  if (count > 1) yield* run(update, flavour, "old");
}

/** One update among others: it exchanges the cell and frees what it found there. */
export function* contendedUpdate(flavour: Flavour, block: keyof typeof BLOCK): Steps {
  yield* allocate(block);
  const before = yield* k.exchange32(CELL, BLOCK[block]);
  yield* run(gracePeriod, flavour, "look");
  yield* free(Object.entries(BLOCK).find(([_, at]) => at === before >>> 0)![0]);
}
