/**
 * Explorations of a reader that registers while grace periods run: it claims a slot that was never
 * used, so the number of slots in use grows under the updaters that scan them.
 *
 * @module
 */

import { again, check, type Program, run, type Steps, type Thread } from "#tools/explorer/mod.ts";
import { DOMAIN, SLOT, SRCU_SLOT } from "../kernel/layouts.ts";
import { readers, sections, type Use } from "./readers.ts";
import { blocks, D, type Flavour, k, setting, SLOTS } from "./setting.ts";
import { gracePeriod, gracePeriods, updates } from "./updaters.ts";

const TOKEN = 9;
const USED = DOMAIN.slotsUsed.at(D);

/** Claims slot 1, as `claimSlot` does under the arena's lock. */
function* claim(slot: number): Steps {
  const owner = yield* k.compareExchange32(SLOT.owner.at(slot), 0, TOKEN);
  check(owner === 0, "the slot is free");
  const words = [SRCU_SLOT.active.at(slot, 0), SRCU_SLOT.active.at(slot, 1)];
  for (const field of [SLOT.waiting, SLOT.evicted, SLOT.hurry]) words.push(field.at(slot));
  for (const word of words) yield* k.store32(word, 0);
  yield* run(raise, 2);
}

function* raise(count: number): Steps {
  const seen = yield* k.load32(USED);
  if (seen >= count) return;
  if ((yield* k.compareExchange32(USED, seen, count)) !== seen) return again(raise, count);
}

function* join(flavour: Flavour, use: Use): Steps {
  yield* run(claim, SLOTS[1]);
  yield* run(sections, flavour, SLOTS[1], use, 1);
}

/** A joining reader with others; slot 0 alone is in use at the start. */
function joiningWith(flavour: Flavour, use: Use, others: readonly Thread[]): Program {
  const { setUp, ...rest } = setting(flavour);
  const joiner = { name: "joiner", script: join, args: [flavour, use] };
  return {
    ...rest,
    blocks,
    setUp: (memory) => {
      setUp?.(memory);
      DOMAIN.slotsUsed.set(memory.u32, 0, 1);
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
