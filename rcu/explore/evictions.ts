/**
 * Explorations of expulsion and eviction. A reader that was expelled keeps the section that it is in,
 * and is told when it enters the next. Nobody waits for a reader that has died, once it is evicted.
 *
 * @module
 */

import { again, check, dead, type Program, run, type Steps } from "#tools/explorer/mod.ts";
import { leave, sections, useBlock } from "./readers.ts";
import {
  blocks,
  CELL,
  D,
  EVENT,
  FLAG,
  type Flavour,
  isSrcu,
  k,
  setting,
  SLOTS,
  TOKENS,
} from "./setting.ts";
import { DOMAIN, SLOT, SRCU_SLOT } from "../kernel/layouts.ts";
import { arm, gracePeriod, updates } from "./updaters.ts";

const SLOT_0 = SLOTS[0];
/** A context that claims the slot of one that is expelled. */
const NEW = 9;

/** Expels the owner of slot 0 and says so. */
function* expel(): Steps {
  yield* k.expelSlots(D, TOKENS[0]);
  yield* k.store32(FLAG, 1);
}

/** Enters a section. @returns Its index, plus 2 if a mark was found; it is entered all the same. */
function* enterMarked(flavour: Flavour): Steps<number> {
  if (flavour === "srcu") return yield* k.srcuLock(D, SLOT_0);
  return (yield* k.lock(D, SLOT_0)) === 0 ? 0 : 2;
}

/** A section, unless a mark says that there is to be none. */
function* sectionUnlessExpelled(flavour: Flavour): Steps {
  const wasExpelled = (yield* k.load32(FLAG)) === 1;
  const entered = yield* run(enterMarked, flavour);
  const isMarked = entered > 1;
  check(isMarked || !wasExpelled, "an expelled reader enters a section and is not told");
  if (!isMarked) yield* run(useBlock);
  yield* run(leave, flavour, SLOT_0, entered & 1);
  if (!isMarked) return;
  check((yield* k.isExpelled(SLOT_0, TOKENS[0])) === 1, "the mark is not meant for the reader");
  yield* k.releaseSlot(D, SLOT_0, TOKENS[0]);
}

/** A reader of one section that is expelled at any time, and an updater of two updates. */
export function expelled(flavour: Flavour): Program {
  return {
    ...setting(flavour),
    blocks,
    threads: [
      { name: "reader", script: sectionUnlessExpelled, args: [flavour] },
      { name: "updater", script: updates, args: [flavour, 2] },
      { name: "supervisor", script: expel },
    ],
  };
}

function* fusedUnlessExpelled(): Steps {
  const wasExpelled = (yield* k.load32(FLAG)) === 1;
  const value = yield* k.readWord(D, SLOT_0, CELL, 0);
  check(value === -1 || !wasExpelled, "an expelled reader reads and is not told");
}

/** The same with a reader whose section is one call. */
export function fusedExpelled(): Program {
  const { threads, ...rest } = expelled("memb");
  return {
    ...rest,
    threads: [{ name: "reader", script: fusedUnlessExpelled }, ...threads.slice(1)],
  };
}

/** A QSBR reader that reports quiescent states until it is told. */
function* quiescentUntilTold(): Steps {
  const wasExpelled = (yield* k.load32(FLAG)) === 1;
  const isMarked = (yield* k.quiescent(D, SLOT_0)) !== 0;
  check(isMarked || !wasExpelled, "an expelled reader reports a quiescent state and is not told");
  if (!isMarked) return again(quiescentUntilTold);
  yield* k.releaseSlot(D, SLOT_0, TOKENS[0]);
}

/** The same, with an updater that sleeps: what the reader gives back no longer holds it up. */
export function quiescentExpelled(): Program {
  return {
    ...setting("qsbr"),
    threads: [
      { name: "reader", script: quiescentUntilTold },
      { name: "updater", script: gracePeriod, args: ["qsbr", "look"] },
      { name: "supervisor", script: expel },
    ],
  };
}

/** Gives its slot up, which another context may claim. */
function* release(): Steps {
  yield* k.releaseSlot(D, SLOT_0, TOKENS[0]);
}

/** Claims the slot once it is free, and enters two sections: no mark is meant for it. */
function* claimOnceFree(flavour: Flavour): Steps {
  const slot = (yield* k.claimSlot(D, NEW, isSrcu(flavour))) >>> 0;
  if (slot === 0) return again(claimOnceFree, flavour);
  for (let section = 0; section < 2; section++) {
    const entered = yield* run(enterMarked, flavour);
    const isOurs = entered > 1 && (yield* k.isExpelled(slot, NEW)) === 1;
    check(!isOurs, "another's mark expels a reader");
    yield* run(leave, flavour, slot, entered & 1);
  }
}

/** A context that is expelled as it gives its slot up, and another that claims the slot. */
export function lateMark(flavour: Flavour): Program {
  const { setUp, ...rest } = setting(flavour);
  return {
    ...rest,
    setUp: (memory) => {
      setUp?.(memory);
      DOMAIN.slotLimit.set(memory.u32, 0, 1);
      DOMAIN.slotsUsed.set(memory.u32, 0, 1);
    },
    threads: [
      { name: "reader", script: release },
      { name: "supervisor", script: expel },
      { name: "joiner", script: claimOnceFree, args: [flavour] },
    ],
  };
}

/** Ends the sections of slot 0. */
function* evict(): Steps {
  check((yield* k.evictSlots(D, TOKENS[0])) === 1, "an eviction counts another number of readers");
}

/** A reader of one section that sets a word at its end. */
function* andThenFlag(flavour: Flavour): Steps {
  yield* run(sections, flavour, SLOT_0, "block", 1);
  yield* k.store32(FLAG, 1);
}

/** Evicts the reader once its death is reported; goes when the reader has gone. */
function* supervise(): Steps {
  if (yield* dead("reader")) return yield* run(evict);
  if ((yield* k.load32(FLAG)) === 0) return again(supervise);
}

/** A reader that may die at any step, its supervisor, and an updater that must come to its end. */
export function readerDies(flavour: Flavour): Program {
  return {
    ...setting(flavour),
    blocks,
    threads: [
      { name: "reader", script: andThenFlag, args: [flavour], dies: true },
      { name: "updater", script: updates, args: [flavour, 2] },
      { name: "supervisor", script: supervise },
    ],
  };
}

/** The same with an updater that sleeps. */
export function readerDiesSleeper(flavour: Flavour): Program {
  const { threads, ...rest } = readerDies(flavour);
  const updater = { name: "updater", script: gracePeriod, args: [flavour, "sleep"] };
  return { ...rest, threads: [threads[0]!, updater, threads[2]!] };
}

/** Two sections of a reader whose slot is marked for another at first. */
function* sectionsUntilExpelled(flavour: Flavour): Steps {
  for (let section = 0; section < 2; section++) {
    const wasExpelled = (yield* k.load32(FLAG)) === 1;
    const entered = yield* run(enterMarked, flavour);
    const isOurs = entered > 1 && (yield* k.isExpelled(SLOT_0, TOKENS[0])) === 1;
    check(isOurs || !wasExpelled, "an expelled reader enters a section and is not told");
    yield* run(leave, flavour, SLOT_0, entered & 1);
  }
}

/** A reader that is expelled as it takes away a mark that was meant for another. */
export function marksOfTwo(flavour: Flavour): Program {
  const { setUp, ...rest } = setting(flavour);
  return {
    ...rest,
    setUp: (memory) => {
      setUp?.(memory);
      SLOT.expelled.set(memory.u32, SLOT_0 - D, NEW);
    },
    threads: [
      { name: "reader", script: sectionsUntilExpelled, args: [flavour] },
      { name: "supervisor", script: expel },
    ],
  };
}

/** Waits for a reader that never leaves, until its context is expelled: in the order of the driver. */
function* sleepUntilExpelled(flavour: Flavour): Steps {
  const seen = yield* k.load32(EVENT);
  if ((yield* k.load32(FLAG)) === 1) return;
  yield* run(arm, flavour, 0);
  yield* k.wait32(EVENT, seen, -1);
  return again(sleepUntilExpelled, flavour);
}

/** Changes the context's state, which the flag stands for, and then marks its slots. */
function* expelSleeper(): Steps {
  yield* k.store32(FLAG, 1);
  yield* k.expelSlots(D, TOKENS[1]);
}

/** An updater that is expelled while it waits for a reader that never leaves. */
export function sleeperExpelled(flavour: Flavour): Program {
  const { setUp, ...rest } = setting(flavour);
  return {
    ...rest,
    setUp: (memory) => {
      setUp?.(memory);
      if (flavour !== "srcu") SLOT.ctr.set(memory.u32, SLOT_0 - D, 1);
      else for (const index of [0, 1]) SRCU_SLOT.active.set(memory.u32, SLOT_0 - D, index, 1);
    },
    threads: [
      { name: "updater", script: sleepUntilExpelled, args: [flavour] },
      { name: "supervisor", script: expelSleeper },
    ],
  };
}
