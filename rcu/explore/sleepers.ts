/**
 * Explorations of who waits for whom: updaters that sleep as the driver does get to their end.
 *
 * @module
 */

import { run, type Steps, type Thread } from "#tools/explorer/mod.ts";
import type { Program } from "#tools/explorer/mod.ts";
import { DOMAIN } from "../kernel/layouts.ts";
import { enter, fused, reached, readers } from "./readers.ts";
import { D, type Flavour, k, setting, SLOTS } from "./setting.ts";
import { advance, gracePeriod, waitFor } from "./updaters.ts";

/** Updaters that sleep until a grace period is over; the first may die. */
function sleepingUpdaters(flavour: Flavour, count: number, dies = false): Thread[] {
  return Array.from({ length: count }, (_, index) => ({
    name: `updater ${index + 1}`,
    script: gracePeriod,
    args: [flavour, "sleep"],
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

/** A sleeper, and a reader that enters and never leaves: the sleeper must not be awake for ever. */
export function holder(flavour: Flavour): Program {
  return withUpdater(flavour, { script: enter, args: [flavour, SLOTS[0]] });
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
