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
const MARKS = [SLOT.waiting, SLOT.evicted, SLOT.hurry] as const;

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
}

function* releases(flavour: Flavour): Steps {
  equal(yield* k.releaseSlot(D, FIRST, OTHER), 0, "a release of another's slot");
  yield* run(slotHolds, FIRST, ONE, 0, 0);
  yield* run(holds, EVENT, 2, "event after a release of another's slot");
  equal(yield* k.releaseSlot(D, FIRST, ONE), 1, "a release");
  yield* run(slotHolds, FIRST, 0, 0, 0);
  yield* run(holds, EVENT, 3, "event after a release");
  equal(
    (yield* k.claimSlot(D, OTHER, isSrcu(flavour))) >>> 0,
    FIRST,
    "a claim of a slot used before",
  );
  yield* run(holds, DOMAIN.slotsUsed.at(D), 2, "slotsUsed");
}

/** Gives a slot an owner, and its words some values. */
function* occupy(slot: number, owner: number): Steps {
  yield* k.store32(SLOT.owner.at(slot), owner);
  yield* k.pairStore(slot, LEFT, LEFT);
  for (const word of MARKS) yield* k.store32(word.at(slot), LEFT);
}

function* evictions(flavour: Flavour): Steps {
  const srcu = isSrcu(flavour);
  yield* run(occupy, FIRST, OTHER);
  yield* run(occupy, SECOND, ONE);
  equal(yield* k.evictSlots(D, 77, srcu), 0, "an eviction of nobody");
  equal(yield* k.evictSlots(D, ONE, srcu), 1, "an eviction of one reader");
  yield* run(slotHolds, FIRST, OTHER, LEFT, LEFT);
  yield* run(evicted, SECOND);
  yield* run(holds, EVENT, 6, "event after two evictions");
  yield* run(occupy, SECOND, OTHER);
  equal(yield* k.evictSlots(D, OTHER, srcu), 2, "an eviction of two readers");
  for (const slot of SLOTS) yield* run(evicted, slot);
}

function* evicted(slot: number): Steps {
  for (const half of [0, 1]) {
    yield* run(holds, SRCU_SLOT.active.at(slot, half), 0, "sections after an eviction");
  }
  yield* run(holds, SLOT.evicted.at(slot), 1, "evicted");
  yield* run(holds, SLOT.waiting.at(slot), LEFT, "waiting after an eviction");
  yield* run(holds, SLOT.hurry.at(slot), LEFT, "hurry after an eviction");
}

function* life(flavour: Flavour): Steps {
  yield* run(claims, flavour);
  yield* run(releases, flavour);
  yield* run(evictions, flavour);
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
