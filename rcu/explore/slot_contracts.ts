/**
 * What the kernel's functions do to a reader slot during its life, with one thread.
 *
 * @module
 */

import { type Program, run, type Steps } from "#tools/explorer/mod.ts";
import { DOMAIN, SLOT, SRCU_SLOT } from "../kernel/layouts.ts";
import { equal, holds } from "./expect.ts";
import { D, EVENT, type Flavour, isSrcu, k, setting, SLOTS } from "./setting.ts";

const [FIRST, SECOND] = SLOTS;
/** Two contexts; the first has a token that is negative as a signed number. */
const [ONE, OTHER] = [0x8000_0009, 10];
/** What the words of a slot hold before a claim or an eviction. */
const LEFT = 5;

/** The words of a slot that a claim clears, without the sections. */
const MARKS = [SLOT.waiting, SLOT.expelled, SLOT.hurry] as const;

/** Fails unless a slot has an owner, and the words about its sections and its marks hold a value. */
function* slotHolds(slot: number, owner: number, sections: number, marks: number): Steps {
  yield* run(holds, SLOT.owner.at(slot), owner, "the owner");
  yield* run(holds, SLOT.flavour.at(slot), LEFT, "the word behind the owner");
  for (const half of [0, 1]) {
    yield* run(
      holds,
      SRCU_SLOT.active.at(slot, half),
      sections,
      "half of the word of the sections",
    );
  }
  for (const word of MARKS) yield* run(holds, word.at(slot), marks, "a mark");
}

function* claims(flavour: Flavour): Steps {
  const srcu = isSrcu(flavour);
  const used = DOMAIN.slotsUsed.at(D);
  equal((yield* k.claimSlot(D, ONE, srcu)) >>> 0, FIRST, "the first claim");
  yield* run(slotHolds, FIRST, ONE, 0, 0);
  yield* run(slotHolds, SECOND, 0, LEFT, LEFT);
  yield* run(holds, used, 1, "slotsUsed");
  yield* run(holds, EVENT, 1, "event after a claim");
  equal((yield* k.claimSlot(D, OTHER, srcu)) >>> 0, SECOND, "the second claim");
  yield* run(slotHolds, SECOND, OTHER, 0, 0);
  yield* run(holds, used, 2, "slotsUsed");
  equal(yield* k.claimSlot(D, OTHER, srcu), 0, "a claim without a free slot");
  yield* run(holds, EVENT, 2, "event after a claim without a free slot");
  yield* run(holds, used + 4, 2, "the number of claims");
}

function* releases(flavour: Flavour): Steps {
  equal(yield* k.releaseSlot(D, FIRST, OTHER), 0, "a release of another's slot");
  yield* run(slotHolds, FIRST, ONE, 0, 0);
  yield* run(holds, EVENT, 2, "event after a release of another's slot");
  equal(yield* k.releaseSlot(D, FIRST, ONE), 1, "a release");
  yield* run(slotHolds, FIRST, 0, 0, 0);
  yield* run(holds, EVENT, 2, "event after a release");
  yield* run(holds, DOMAIN.slotsUsed.at(D), 2, "slotsUsed after a release of the first of two");
  equal(
    (yield* k.claimSlot(D, OTHER, isSrcu(flavour))) >>> 0,
    FIRST,
    "a claim of a slot used before",
  );
  yield* run(holds, DOMAIN.slotsUsed.at(D), 2, "slotsUsed");
  equal(yield* k.releaseSlot(D, FIRST, OTHER), 1, "a release");
  equal(yield* k.releaseSlot(D, SECOND, OTHER), 1, "a release of the last slot");
  yield* run(holds, DOMAIN.slotsUsed.at(D), 0, "slotsUsed after the release of all slots");
  yield* run(holds, DOMAIN.slotsUsed.at(D) + 4, 3, "the number of claims");
}

/** Gives a slot an owner, and its words some values. */
function* occupy(slot: number, owner: number): Steps {
  yield* k.store32(SLOT.owner.at(slot), owner);
  yield* k.pairStore(slot, LEFT, LEFT);
  for (const word of MARKS) yield* k.store32(word.at(slot), LEFT);
}

function* expulsions(): Steps {
  yield* run(occupy, FIRST, OTHER);
  yield* run(occupy, SECOND, ONE);
  equal(yield* k.expelSlots(D, 77), 0, "an expulsion of nobody");
  equal(yield* k.expelSlots(D, ONE), 1, "an expulsion of one reader");
  yield* run(slotHolds, FIRST, OTHER, LEFT, LEFT);
  yield* run(marked, SECOND, ONE, LEFT);
  yield* run(holds, EVENT, 5, "event after two expulsions");
  equal(yield* k.isExpelled(SECOND, ONE), 1, "isExpelled of a mark for the owner");
  yield* run(marked, SECOND, ONE, LEFT);
  equal(yield* k.isExpelled(SECOND, OTHER), 0, "isExpelled of a mark for another");
  yield* run(holds, SLOT.expelled.at(SECOND), 0, "a mark that was taken away");
  yield* run(occupy, SECOND, OTHER);
  equal(yield* k.expelSlots(D, OTHER), 2, "an expulsion of two readers");
  for (const slot of SLOTS) yield* run(marked, slot, OTHER, LEFT);
}

/** Fails unless a slot is marked, and nothing else in it has changed. */
function* marked(slot: number, token: number, left: number): Steps {
  for (const half of [0, 1]) {
    yield* run(holds, SRCU_SLOT.active.at(slot, half), left, "sections after an expulsion");
  }
  yield* run(holds, SLOT.expelled.at(slot), token, "expelled");
  yield* run(holds, SLOT.waiting.at(slot), left, "waiting after an expulsion");
  yield* run(holds, SLOT.hurry.at(slot), left, "hurry after an expulsion");
}

function* evictions(): Steps {
  const used = DOMAIN.slotsUsed.at(D);
  yield* k.store32(used, 2);
  yield* run(occupy, FIRST, OTHER);
  yield* run(occupy, SECOND, ONE);
  yield* k.store32(EVENT, 0);
  equal(yield* k.evictSlots(D, 77), 0, "an eviction of nobody");
  yield* run(holds, EVENT, 1, "event after an eviction of nobody");
  yield* run(holds, used, 2, "slotsUsed after an eviction of nobody");
  equal(yield* k.evictSlots(D, ONE), 1, "an eviction of one reader");
  yield* run(slotHolds, FIRST, OTHER, LEFT, LEFT);
  yield* run(slotHolds, SECOND, 0, LEFT, LEFT);
  yield* run(holds, used, 1, "slotsUsed after an eviction of the last reader");
  yield* k.store32(used, 2);
  yield* run(occupy, SECOND, OTHER);
  equal(yield* k.evictSlots(D, OTHER), 2, "an eviction of two readers");
  for (const slot of SLOTS) yield* run(slotHolds, slot, 0, LEFT, LEFT);
  yield* run(holds, used, 0, "slotsUsed after an eviction of all readers");
}

function* life(flavour: Flavour): Steps {
  yield* run(claims, flavour);
  yield* run(releases, flavour);
  yield* run(expulsions);
  yield* run(evictions);
}

/** Slots that are claimed, released, claimed again and evicted. */
export function slotLife(flavour: Flavour): Program {
  const { setUp, ...rest } = setting(flavour);
  return {
    ...rest,
    setUp: (memory) => {
      setUp?.(memory);
      DOMAIN.slotsUsed.set(memory.u32, 0, 0);
      for (const slot of SLOTS) {
        SLOT.owner.set(memory.u32, slot - D, 0);
        SLOT.flavour.set(memory.u32, slot - D, LEFT);
        for (const half of [0, 1]) SRCU_SLOT.active.set(memory.u32, slot - D, half, LEFT);
        for (const word of MARKS) word.set(memory.u32, slot - D, LEFT);
      }
    },
    threads: [{ name: "caller", script: life, args: [flavour] }],
  };
}
