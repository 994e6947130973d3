/**
 * Three ways in which an updater could sleep wrongly, each of which loses a wake-up: what the driver
 * does around the kernel's calls matters as much as the kernel.
 *
 * @module
 */

import { again, type Program, run, type Steps } from "#tools/explorer/mod.ts";
import { EVENT, type Flavour, k, setting } from "./setting.ts";
import { overtaken, sleepers } from "./sleepers.ts";
import { advance, arm, startPoll } from "./updaters.ts";

/** What is wrong. */
export type Mistake = "reads the event late" | "looks again instead of arming" | "no last look";

/** Waits until the grace period of a cookie is over, wrongly. */
function* waitWrongly(mistake: Mistake, flavour: Flavour, cookie: number): Steps {
  if ((yield* run(advance, flavour, cookie)) === 0) return;
  if (yield* run(SLEEP[mistake], flavour, cookie)) return;
  return again(waitWrongly, mistake, flavour, cookie);
}

/** Whether the grace period is over is the result; false after a sleep. */
type Sleep = (flavour: Flavour, cookie: number) => Steps<boolean>;

const SLEEP: Readonly<Record<Mistake, Sleep>> = {
  /** A reader that signals between the arming and the load is not heard. */
  *"reads the event late"(flavour, cookie) {
    if ((yield* run(arm, flavour, 0)) === 0) return false;
    if ((yield* run(advance, flavour, cookie)) === 0) return true;
    const seen = yield* k.load32(EVENT);
    yield* k.wait32(EVENT, seen, -1);
    return false;
  },
  /** The slot that the second look finds may have entered since, with an older counter: unarmed. */
  *"looks again instead of arming"(flavour, cookie) {
    const seen = yield* k.load32(EVENT);
    yield* run(arm, flavour, 0);
    if ((yield* run(advance, flavour, cookie)) === 0) return true;
    yield* k.wait32(EVENT, seen, -1);
    return false;
  },
  /** The slot that was armed may hold up a later grace period only. */
  *"no last look"(flavour) {
    const seen = yield* k.load32(EVENT);
    if ((yield* run(arm, flavour, 0)) === 0) return false;
    yield* k.wait32(EVENT, seen, -1);
    return false;
  },
};

function* gracePeriodWrongly(mistake: Mistake, flavour: Flavour): Steps {
  const cookie = yield* run(startPoll, flavour);
  yield* run(waitWrongly, mistake, flavour, cookie);
}

/** Readers, and an updater with a mistake. */
export function mistakenSleeper(mistake: Mistake, flavour: Flavour): Program {
  if (mistake === "no last look") {
    const { threads, ...rest } = overtaken(flavour);
    const cookie = flavour === "srcu" ? 4 : 2;
    const updater = { name: "updater", script: waitWrongly, args: [mistake, flavour, cookie] };
    return { ...rest, threads: [threads[0]!, threads[1]!, updater] };
  }
  const readers = sleepers(flavour, 2, 1).threads.slice(0, 2);
  const updater = { name: "updater", script: gracePeriodWrongly, args: [mistake, flavour] };
  return { ...setting(flavour), threads: [...readers, updater] };
}

/** Every mistake. */
export const MISTAKES = Object.keys(SLEEP) as readonly Mistake[];
