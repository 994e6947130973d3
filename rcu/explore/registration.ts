/**
 * Explorations of reader slots: claimed while grace periods run, so that the number of slots in use
 * grows under the updaters that scan them; released by several at once; claimed again.
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
import { DOMAIN, SLOT, SRCU_SLOT } from "../kernel/layouts.ts";
import { readers, sections, type Use } from "./readers.ts";
import { blocks, D, FLAG, type Flavour, isSrcu, k, setting, SLOTS, TOKENS } from "./setting.ts";
import { gracePeriod, gracePeriods, updates } from "./updaters.ts";

/** Tokens of the contexts that claim slots. */
const NEW = [9, 10] as const;
/** Set to 1 by each release that succeeds, and counted. */
const RELEASED = FLAG;

/** Claims the slot that is expected to be free. */
function* claim(flavour: Flavour, token: number, slot: number): Steps {
  const claimed = (yield* k.claimSlot(D, token, isSrcu(flavour))) >>> 0;
  check(claimed === slot, "a claim gets another slot than the free one");
}

function* join(flavour: Flavour, use: Use): Steps {
  yield* run(claim, flavour, NEW[0], SLOTS[1]);
  yield* run(sections, flavour, SLOTS[1], use, 1);
}

/** Frees a slot at the start, and leaves in it what its last owner, updaters and an eviction stored. */
function leftBehind(flavour: Flavour, memory: Uint32Array, slot: number): void {
  SLOT.owner.set(memory, slot - D, 0);
  for (const word of [SLOT.waiting, SLOT.expelled, SLOT.hurry]) word.set(memory, slot - D, 1);
  // RCU: a section from before the next grace period. SRCU: an open section of each index.
  SRCU_SLOT.active.set(memory, slot - D, 0, 1);
  SRCU_SLOT.active.set(memory, slot - D, 1, isSrcu(flavour));
}

/** A joining reader with others; slot 0 alone was ever in use at the start. */
function joiningWith(flavour: Flavour, use: Use, others: readonly Thread[]): Program {
  const { setUp, ...rest } = setting(flavour);
  const joiner = { name: "joiner", script: join, args: [flavour, use] };
  return {
    ...rest,
    blocks,
    setUp: (memory) => {
      setUp?.(memory);
      DOMAIN.slotsUsed.set(memory.u32, 0, 1);
      SLOT.owner.set(memory.u32, SLOTS[1] - D, 0);
    },
    threads: [joiner, ...others],
  };
}

/** A reader, another one that joins, and an updater of two updates. */
export function joining(flavour: Flavour): Program {
  const updater = { name: "updater", script: updates, args: [flavour, 2] };
  return joiningWith(flavour, "block", [...readers(flavour, 1, "block", 1), updater]);
}

/** A reader that joins, an updater, and another context that completes its grace period perhaps. */
export function joiningBystander(flavour: Flavour): Program {
  return joiningWith(flavour, "block", [
    { name: "updater", script: updates, args: [flavour, 1] },
    { name: "bystander", script: gracePeriods, args: [flavour, "look", 1] },
  ]);
}

/** A reader, another one that joins, and an updater that sleeps. */
export function joiningSleeper(flavour: Flavour): Program {
  const updater = { name: "updater", script: gracePeriod, args: [flavour, "sleep"] };
  return joiningWith(flavour, "nothing", [...readers(flavour, 1, "nothing", 1), updater]);
}

function* claimAny(flavour: Flavour, token: number): Steps {
  const slot = (yield* k.claimSlot(D, token, isSrcu(flavour))) >>> 0;
  check(slot !== 0, "a claim finds no slot although one is free");
  yield* run(sections, flavour, slot, "nothing", 1);
}

/** Two contexts that claim the two slots at once, and an updater that asks readers to hurry. */
export function claiming(flavour: Flavour): Program {
  const { setUp, ...rest } = setting(flavour);
  return {
    ...rest,
    setUp: (memory) => {
      setUp?.(memory);
      DOMAIN.slotsUsed.set(memory.u32, 0, 0);
      for (const slot of SLOTS) leftBehind(flavour, memory.u32, slot);
    },
    threads: [
      ...NEW.map((token, index) => {
        return { name: `joiner ${index}`, script: claimAny, args: [flavour, token] };
      }),
      { name: "updater", script: gracePeriod, args: [flavour, "hurry"] },
    ],
    atEnd: (memory) => {
      const owners = SLOTS.map((slot) => memory.load32(SLOT.owner.at(slot)));
      check(owners.toSorted((a, b) => a - b).join() === NEW.join(), "a slot was given out twice");
      check(memory.load32(DOMAIN.slotsUsed.at(D)) === 2, "not all claimed slots are in use");
    },
  };
}

/** An updater, and a free slot that holds what its last owner left: nobody waits for it. */
export function leftovers(flavour: Flavour): Program {
  const { setUp, ...rest } = setting(flavour);
  return {
    ...rest,
    setUp: (memory) => {
      setUp?.(memory);
      leftBehind(flavour, memory.u32, SLOTS[1]);
    },
    threads: [{ name: "updater", script: gracePeriods, args: [flavour, "look", 2] }],
  };
}

/** Waits until a slot is free, claims it, and reads in it. */
function* claimOnceFree(flavour: Flavour): Steps {
  const slot = (yield* k.claimSlot(D, NEW[0], isSrcu(flavour))) >>> 0;
  if (slot === 0) return again(claimOnceFree, flavour);
  yield* run(sections, flavour, slot, "block", 1);
}

function* release(): Steps {
  if ((yield* k.releaseSlot(D, SLOTS[0], TOKENS[0])) === 1) yield* k.add32(RELEASED, 1);
}

/**
 * Two supervisors that release the slot of a dead reader, of which the first may die; a context that
 * claims the slot once it is free, and reads in it; and an updater.
 */
export function releasing(flavour: Flavour): Program {
  const { setUp, ...rest } = setting(flavour);
  return {
    ...rest,
    blocks,
    setUp: (memory) => {
      setUp?.(memory);
      DOMAIN.slotLimit.set(memory.u32, 0, 1);
      DOMAIN.slotsUsed.set(memory.u32, 0, 1);
    },
    threads: [
      { name: "supervisor 1", script: release, dies: true },
      { name: "supervisor 2", script: release },
      { name: "joiner", script: claimOnceFree, args: [flavour] },
      { name: "updater", script: updates, args: [flavour, 1] },
    ],
    invariant: (memory) => check(memory.load32(RELEASED) <= 1, "one slot is released twice"),
  };
}

/** An updater that sleeps on what a dead reader stored last, and a supervisor that evicts it. */
export function releasingSleeper(flavour: Flavour): Program {
  const { setUp, ...rest } = setting(flavour);
  return {
    ...rest,
    setUp: (memory) => {
      setUp?.(memory);
      leftBehind(flavour, memory.u32, SLOTS[0]);
      SLOT.owner.set(memory.u32, SLOTS[0] - D, TOKENS[0]);
    },
    threads: [
      { name: "updater", script: gracePeriod, args: [flavour, "sleep"] },
      { name: "supervisor", script: evict },
    ],
  };
}

function* evict(): Steps {
  yield* k.evictSlots(D, TOKENS[0]);
}

/** Evicts the context that claims the slot once its death is reported. */
function* supervise(flavour: Flavour): Steps {
  if (yield* dead("joiner 0")) {
    yield* k.evictSlots(D, NEW[0]);
    return;
  }
  if ((yield* k.load32(FLAG)) === 0) return again(supervise, flavour);
}

function* claimAndGo(flavour: Flavour): Steps {
  if ((yield* k.claimSlot(D, NEW[0], isSrcu(flavour))) === 0) return again(claimAndGo, flavour);
  yield* run(sections, flavour, SLOTS[0], "nothing", 1);
  yield* k.releaseSlot(D, SLOTS[0], NEW[0]);
  yield* k.store32(FLAG, 1);
}

function* claimAfterwards(flavour: Flavour): Steps {
  const slot = (yield* k.claimSlot(D, NEW[1], isSrcu(flavour))) >>> 0;
  if (slot === 0) return again(claimAfterwards, flavour);
  yield* run(sections, flavour, slot, "nothing", 1);
  yield* k.releaseSlot(D, slot, NEW[1]);
}

/**
 * A context that claims the only slot and may die at any step, its supervisor, another context that
 * waits for the slot, and an updater: all get to their end, whenever the first one dies.
 */
export function claimantDies(flavour: Flavour): Program {
  const { setUp, ...rest } = setting(flavour);
  return {
    ...rest,
    setUp: (memory) => {
      setUp?.(memory);
      DOMAIN.slotLimit.set(memory.u32, 0, 1);
      DOMAIN.slotsUsed.set(memory.u32, 0, 0);
      leftBehind(flavour, memory.u32, SLOTS[0]);
    },
    threads: [
      { name: "joiner 0", script: claimAndGo, args: [flavour], dies: true },
      { name: "supervisor", script: supervise, args: [flavour] },
      { name: "joiner 1", script: claimAfterwards, args: [flavour] },
      { name: "updater", script: gracePeriod, args: [flavour, "sleep"] },
    ],
  };
}
