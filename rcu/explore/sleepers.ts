/**
 * Explorations of who waits for whom: updaters that sleep as the driver does get to their end.
 *
 * @module
 */

import { again, check, run, type Steps, type Thread } from "#tools/explorer/mod.ts";
import type { Program } from "#tools/explorer/mod.ts";
import { DOMAIN, SLOT } from "../kernel/layouts.ts";
import { enter, fused, leave, reached, readers } from "./readers.ts";
import { D, FLAG, type Flavour, k, setting, SLOTS } from "./setting.ts";
import { advance, gracePeriod, type Wait, waitFor } from "./updaters.ts";

/** Updaters that sleep until a grace period is over; the first may die. */
function sleepingUpdaters(
  flavour: Flavour,
  count: number,
  dies = false,
  wait: Wait = "sleep",
): Thread[] {
  return Array.from({ length: count }, (_, index) => ({
    name: `updater ${index + 1}`,
    script: gracePeriod,
    args: [flavour, wait],
    dies: dies && index === 0,
  }));
}

function withUpdater(flavour: Flavour, reader: Omit<Thread, "name">): Program {
  const threads = [{ name: "reader", ...reader }, ...sleepingUpdaters(flavour, 1)];
  return { ...setting(flavour), threads };
}

/** Readers of two sections each, and updaters that sleep. */
export function sleepers(
  flavour: Flavour,
  count: number,
  updaters: number,
  dies = false,
): Program {
  const threads = [
    ...readers(flavour, count, "nothing"),
    ...sleepingUpdaters(flavour, updaters, dies),
  ];
  return { ...setting(flavour), threads };
}

/** A sleeper, and a reader whose two sections are one call each. */
export function fusedSleeper(): Program {
  return withUpdater("memb", { script: fused, args: [SLOTS[0]] });
}

/** A reader of two sections, and updaters that sleep and ask it to hurry. */
export function hurrying(flavour: Flavour, updaters: number): Program {
  const threads = [
    ...readers(flavour, 1, "nothing"),
    ...sleepingUpdaters(flavour, updaters, false, "hurry"),
  ];
  return { ...setting(flavour), threads };
}

/** The same with two such updaters, and a reader whose sections are one call each. */
export function fusedHurrying(): Program {
  const reader = { name: "reader", script: fused, args: [SLOTS[0]] };
  return { ...setting("memb"), threads: [reader, ...sleepingUpdaters("memb", 2, false, "hurry")] };
}

/** SRCU from the other index on: two readers, a sleeper. */
export function otherIndex(): Program {
  const threads = [...readers("srcu", 2, "nothing"), ...sleepingUpdaters("srcu", 1)];
  return { ...setting("srcu", 4), threads };
}

function* enterLate(flavour: Flavour, word: number, value: number): Steps {
  yield* run(reached, word, value);
  yield* run(enter, flavour, SLOTS[0]);
}

/** A sleeper, and a reader that enters once the grace period has begun and never leaves. */
export function latecomer(flavour: Flavour): Program {
  return withUpdater(flavour, { script: enterLate, args: [flavour, DOMAIN.gpCtr.at(D), 2] });
}

function* twoGracePeriods(flavour: Flavour, first: number, second: number): Steps {
  yield* run(advance, flavour, first);
  yield* run(advance, flavour, second);
}

/**
 * A sleeper for the first grace period; another context that moves grace periods on, the second too;
 * and a reader that enters between the two and never leaves. It holds up the second only.
 */
export function overtaken(flavour: Flavour): Program {
  const srcu = flavour === "srcu";
  const [first, second] = srcu ? [4, 8] : [2, 3];
  const word = (srcu ? DOMAIN.gpCtr : DOMAIN.gpDone).at(D);
  return {
    ...setting(flavour),
    threads: [
      { name: "reader", script: enterLate, args: [flavour, word, first] },
      { name: "other", script: twoGracePeriods, args: [flavour, first, second] },
      { name: "updater", script: waitFor, args: [flavour, first, "sleep"] },
    ],
  };
}

function* reportOnce(): Steps {
  yield* k.lock(D, SLOTS[0]);
  yield* run(reached, DOMAIN.gpCtr.at(D), 2);
  yield* k.quiescent(D, SLOTS[0]);
}

/** A sleeper, and a QSBR reader that stays online: one quiescent state must be enough. */
export function reports(): Program {
  return withUpdater("qsbr", { script: reportOnce });
}

function* untilHurried(): Steps {
  const word = SLOT.hurry.at(SLOTS[0]);
  if ((yield* k.load32(word)) !== 0) return;
  yield* k.wait32(word, 0, -1);
  return again(untilHurried);
}

function* leaveWhenHurried(flavour: Flavour): Steps {
  const index = yield* run(enter, flavour, SLOTS[0]);
  yield* k.store32(FLAG, 1);
  yield* run(untilHurried);
  yield* run(leave, flavour, SLOTS[0], index);
}

function* hurryOnceEntered(flavour: Flavour): Steps {
  if ((yield* k.load32(FLAG)) === 0) return again(hurryOnceEntered, flavour);
  yield* run(gracePeriod, flavour, "hurry");
}

/** A reader that sleeps inside its section until it is asked to hurry, and an updater that asks it. */
export function hurried(flavour: Flavour): Program {
  return {
    ...setting(flavour),
    threads: [
      { name: "reader", script: leaveWhenHurried, args: [flavour] },
      { name: "updater", script: hurryOnceEntered, args: [flavour] },
    ],
  };
}

function* flagWhenDone(flavour: Flavour): Steps {
  yield* run(gracePeriod, flavour, "hurry");
  yield* k.store32(FLAG, 1);
}

function* moveOnceMore(flavour: Flavour): Steps {
  if ((yield* k.load32(FLAG)) === 0) return again(moveOnceMore, flavour);
  yield* run(leave, flavour, SLOTS[0], yield* run(enter, flavour, SLOTS[0]));
  const hurry = yield* k.load32(SLOT.hurry.at(SLOTS[0]));
  check(hurry === 0, "a reader is in a hurry, and nobody waits");
}

function* calmDown(flavour: Flavour): Steps {
  yield* run(leave, flavour, SLOTS[0], yield* run(enter, flavour, SLOTS[0]));
  return again(moveOnceMore, flavour);
}

/** An updater that asks a reader to hurry: a move of the reader after the updater has gone ends it. */
export function calming(flavour: Flavour): Program {
  return {
    ...setting(flavour),
    threads: [
      { name: "reader", script: calmDown, args: [flavour] },
      { name: "updater", script: flagWhenDone, args: [flavour] },
    ],
  };
}

function* enterForEver(flavour: Flavour): Steps {
  yield* run(enter, flavour, SLOTS[0]);
  yield* k.store32(FLAG, 1);
}

function* waitForEver(flavour: Flavour): Steps {
  if ((yield* k.load32(FLAG)) === 0) return again(waitForEver, flavour);
  yield* run(gracePeriod, flavour, "sleep");
  check(false, "a grace period is over under a reader that began before it");
}

/** A reader that enters and never leaves, and an updater that begins then: it must sleep, for ever. */
export function holder(flavour: Flavour): Program {
  return {
    ...setting(flavour),
    mayEndAsleep: true,
    threads: [
      { name: "reader", script: enterForEver, args: [flavour] },
      { name: "updater", script: waitForEver, args: [flavour] },
    ],
  };
}

/** The same while another context runs a grace period: the reader may have an older counter or index. */
export function heldForEver(flavour: Flavour): Program {
  const { threads, ...rest } = holder(flavour);
  const cookie = flavour === "srcu" ? 4 : 2;
  const other = { name: "other", script: advance, args: [flavour, cookie] };
  return { ...rest, threads: [...threads, other] };
}

function* sleepOnce(): Steps {
  yield* k.wait32(FLAG, 0, -1);
}

function* wakeTwice(): Steps {
  const first = yield* k.notify(FLAG, 1);
  check(first <= 1, "notify wakes more sleepers than it is told to");
  yield* k.notify(FLAG, 1);
}

/** Two sleepers on one word, and one who wakes at most one of them twice. */
export function notifications(): Program {
  return {
    ...setting("memb"),
    mayEndAsleep: true,
    threads: [
      { name: "sleeper 1", script: sleepOnce },
      { name: "sleeper 2", script: sleepOnce },
      { name: "waker", script: wakeTwice },
    ],
  };
}
