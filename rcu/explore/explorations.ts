/**
 * All explorations of package rcu, and how each must end.
 *
 * @module
 */

import type { Exploration, Failure, Program } from "#tools/explorer/mod.ts";
import { compares, exchanges, wakes } from "./cells.ts";
import * as contexts from "./contexts.ts";
import { contracts } from "./contracts.ts";
import {
  expelled,
  fusedExpelled,
  lateMark,
  marksOfTwo,
  quiescentExpelled,
  readerDies,
  readerDiesSleeper,
  sleeperExpelled,
} from "./evictions.ts";
import {
  bystander,
  fusedReaders,
  oneUpdater,
  overlappingSections,
  twoUpdaters,
} from "./grace_periods.ts";
import { type Mistake, mistakenSleeper, MISTAKES } from "./mistaken_sleepers.ts";
import { plainDereference, shortWaits, tooShort } from "./mistaken_updaters.ts";
import * as mutexes from "./mutexes.ts";
import * as pairs from "./pairs.ts";
import {
  claimantDies,
  claiming,
  joining,
  joiningBystander,
  joiningSleeper,
  leftovers,
  releasing,
  releasingSleeper,
} from "./registration.ts";
import type { Flavour } from "./setting.ts";
import {
  calming,
  fusedHurrying,
  fusedSleeper,
  heldForEver,
  holder,
  hurried,
  hurrying,
  latecomer,
  notifications,
  otherIndex,
  overtaken,
  reports,
  sleepers,
} from "./sleepers.ts";
import { givenUp, suspended } from "./waits.ts";

const SAYS: Readonly<Record<Mistake, string>> = {
  "reads the event late": "reads the event only before it sleeps",
  "looks again instead of arming": "sleeps on a slot that it has not armed",
  "no last look": "does not look again before it sleeps",
};

const freed = "use after free" as const;

const FLAVOURS: readonly Flavour[] = ["memb", "qsbr", "srcu"];

function ofFlavour(flavour: Flavour): Exploration[] {
  const programs: [name: string, program: Program, fails?: Failure["kind"]][] = [
    ["a reader that never leaves: the updater sleeps", holder(flavour)],
    ["a reader that comes late and never leaves", latecomer(flavour)],
    ["a reader that never leaves, of an older grace period perhaps", heldForEver(flavour)],
    ["1 reader, 1 sleeper that asks it to hurry", hurrying(flavour, 1)],
    ["1 reader, 2 sleepers that ask it to hurry", hurrying(flavour, 2)],
    ["a reader that sleeps until it is asked to hurry", hurried(flavour)],
    ["a reader in a hurry moves once more when nobody waits", calming(flavour)],
    ["a reader of the next grace period that never leaves", overtaken(flavour)],
    ["1 reader, 1 sleeper", sleepers(flavour, 1, 1)],
    ["a dying reader, a supervisor that evicts it, 1 sleeper", readerDiesSleeper(flavour)],
    ["a dying reader, a supervisor that evicts it, 2 updates", readerDies(flavour)],
    ["an expelled reader, 2 updates", expelled(flavour)],
    ["a reader that is expelled as it leaves, another in its slot", lateMark(flavour)],
    ["a reader that is expelled as it takes away another's mark", marksOfTwo(flavour)],
    ["an updater that is expelled while it sleeps", sleeperExpelled(flavour)],
    ["a free slot with what its last owner left", leftovers(flavour)],
    ["2 readers that claim slots, 1 sleeper", claiming(flavour)],
    ["2 supervisors that release 1 slot, a reader that claims it", releasing(flavour)],
    ["a supervisor that evicts a reader, 1 sleeper", releasingSleeper(flavour)],
    ["a reader that claims a slot and may die", claimantDies(flavour)],
    ["a reader that joins, 1 sleeper", joiningSleeper(flavour)],
    ["a reader that joins, another context's grace period", joiningBystander(flavour)],
    ["a reader that joins, 2 updates", joining(flavour)],
    ["2 readers, 1 sleeper", sleepers(flavour, 2, 1)],
    ["2 readers, 2 updates", oneUpdater(flavour)],
    ["2 sleepers, one of which may die", sleepers(flavour, 1, 2, true)],
    ["2 sleepers, one of which gives up", givenUp(flavour)],
    ["2 updaters, one of which may die", twoUpdaters(flavour)],
    ["another context's grace periods", bystander(flavour, 2)],
  ];
  for (const mistake of MISTAKES) {
    programs.push([
      `an updater that ${SAYS[mistake]}`,
      mistakenSleeper(mistake, flavour),
      "deadlock",
    ]);
  }
  for (const mistake of shortWaits(flavour)) {
    programs.push([`an updater that ${mistake}`, tooShort(mistake, flavour), freed]);
  }
  programs.push(["a plain dereference", plainDereference(flavour), "race"]);
  return programs.map(([name, program, fails]) => {
    return { name: `${flavour}: ${name}`, program, ...(fails && { fails }) };
  });
}

/** Every exploration. */
export const explorations: readonly Exploration[] = [
  ...Object.entries(contracts).map(([name, program]) => ({ name: `alone: ${name}`, program })),
  { name: "alone: contexts", program: contexts.contextLife() },
  { name: "alone: members", program: contexts.memberLife() },
  { name: "alone: members in a chunk across 2^31", program: contexts.chunkAcross() },
  { name: "alone: mutex", program: mutexes.mutexLife() },
  { name: "contexts: 2 that join and leave", program: contexts.joining() },
  { name: "contexts: 2 that want the last record", program: contexts.lastRecord() },
  { name: "contexts: 1 that joins, 1 that looks at it", program: contexts.joiningWatched() },
  { name: "contexts: 1 that may die, 2 supervisors, 1 that joins", program: contexts.evicting() },
  { name: "members: 2 that add", program: contexts.adding() },
  { name: "members: 1 that adds, 1 that adds a chunk", program: contexts.growing() },
  { name: "members: 1 that looks, 2 that remove", program: contexts.removing() },
  { name: "members: 1 that looks and may die, 1 that removes", program: contexts.lookerDies() },
  {
    name: "members: 1 that looks, 1 that frees without asking",
    program: contexts.careless(),
    fails: "use after free",
  },
  { name: "mutex: 2 contexts, twice each", program: mutexes.counting([2, 2]) },
  { name: "mutex: 3 contexts", program: mutexes.counting([1, 1, 1]) },
  { name: "mutex: 1 that may die, 1 that waits, a supervisor", program: mutexes.holderDies(1) },
  { name: "mutex: 1 that may die, 2 that wait, a supervisor", program: mutexes.holderDies(2) },
  { name: "mutex: a dead holder, 2 supervisors, 1 that waits", program: mutexes.twoSupervisors() },
  { name: "mutex: an expelled context that waits", program: mutexes.expelledWaiter() },
  { name: "mutex: 1 that declares it consistent, 1 that waits", program: mutexes.mending() },
  {
    name: "mutex: a waiter that reads the event only before it sleeps",
    program: mutexes.mistakenWaiter(),
    fails: "deadlock",
  },
  ...FLAVOURS.flatMap(ofFlavour),
  { name: "memb: sections of one call, 2 readers, 2 updates", program: fusedReaders() },
  { name: "memb: sections of one call, 1 sleeper", program: fusedSleeper() },
  {
    name: "memb: sections of one call, 2 sleepers that ask to hurry",
    program: fusedHurrying(),
  },
  { name: "memb: sections of one call, expelled", program: fusedExpelled() },
  { name: "two contexts that take one word", program: exchanges() },
  { name: "a pair that is compared as it is stored", program: compares() },
  { name: "notify wakes who sleeps", program: wakes() },
  { name: "notify wakes as many as it is told to", program: notifications() },
  { name: "qsbr: quiescent states, expelled", program: quiescentExpelled() },
  { name: "qsbr: one quiescent state is enough", program: reports() },
  { name: "qsbr: 2 contexts that wait for each other", program: suspended() },
  {
    name: "qsbr: 2 contexts that wait for each other and stay online",
    program: suspended("stays online"),
    fails: "deadlock",
  },
  {
    name: "qsbr: 2 contexts that wait for each other and keep a block",
    program: suspended("keeps what it has dereferenced"),
    fails: freed,
  },
  { name: "srcu: 2 readers, 1 sleeper, from the other index on", program: otherIndex() },
  { name: "srcu: overlapping sections of one slot, 2 updates", program: overlappingSections() },
  {
    name: "pair: first sketch (table, root, table again)",
    program: pairs.rereadTable(),
    fails: "check",
  },
  { name: "pair: second sketch (announced table)", program: pairs.announce(), fails: "check" },
  { name: "pair: kept outside the section", program: pairs.cacheOutside(), fails: "check" },
  { name: "pair: corrected reader of the second sketch", program: pairs.corrects(false) },
  {
    name: "pair: corrected reader, the writer dies between its stores",
    program: pairs.corrects(true),
    fails: "livelock",
  },
  {
    name: "pair: corrected reader, table published again at once",
    program: pairs.republishes(false),
    fails: "check",
  },
  {
    name: "pair: corrected reader, table published again after a grace period",
    program: pairs.republishes(true),
  },
  { name: "pair: both halves in one word, the writer may die", program: pairs.oneWord() },
];
