/**
 * Every single mistake in the table of steps: it is found, or it is listed here with the reason why
 * it does no harm.
 */

import { isAccess, mutants } from "#tools/model/mod.ts";
import { assertEquals } from "@std/assert";
import { passes, passesWide } from "./mistakes.ts";
import type { Flavour } from "./programs.ts";
import { type FunctionName, steps, type Table } from "./steps.ts";

/** Found under the weaker model only: what sequential consistency hides. */
const WEAK: Partial<Record<FunctionName, readonly string[]>> = {
  lock: ["plain store SLOT_CTR"],
  unlock: ["plain store SLOT_CTR", "plain load SLOT_WAITING"],
  readWord: [
    "plain store SLOT_CTR",
    "plain load cell",
    "plain store SLOT_CTR (2)",
    "plain load SLOT_WAITING",
  ],
  quiescent: ["plain store SLOT_CTR", "plain load SLOT_WAITING"],
  startPoll: ["plain load DOMAIN_GP_CTR"],
  arm: ["plain store SLOT_WAITING", "plain load SLOT_CTR (2)"],
  srcuLock: ["plain add SRCU_SLOT_ACTIVE"],
  srcuUnlock: ["plain sub SRCU_SLOT_ACTIVE", "plain load SLOT_WAITING"],
  srcuStartPoll: ["plain load DOMAIN_GP_CTR"],
  srcuArm: ["plain store SLOT_WAITING", "plain load SRCU_SLOT_ACTIVE (2)"],
};

const STALE = "an older counter holds up more grace periods, never fewer";
const STAYS_ARMED = "the slot stays armed: later moves signal for nobody, which costs time only";
const GONE = "a reader that has left does not hold, so nobody arms it between; see quiescent";
const RELEASED = "the add to DOMAIN_EVENT after it releases it";
const APART = "the two steps have nothing to do with each other";
const TOLD_LATER = "the end of the section reports the eviction";
const BRANCH = "it waits for the branch on SLOT_WAITING before it";
const ENCLOSED = "it lies between an acquiring load and a releasing compare-and-exchange";
const ANEW = "a count set back to one that was scanned costs one more scan";
const WIDE =
  "needs two contexts with two grace periods each, or two sleepers: see the larger models";
const HINT = "it decides only whom to ask: the second look decides whether to sleep";

const SIGNAL = {
  "drop store SLOT_WAITING": STAYS_ARMED,
  "swap load SLOT_WAITING, store SLOT_WAITING": STAYS_ARMED,
  "swap notify DOMAIN_EVENT, load SLOT_EVICTED": APART,
  "plain store SLOT_WAITING": RELEASED,
  "plain load SLOT_EVICTED": BRANCH,
};
const LEAVE = {
  ...SIGNAL,
  "swap store SLOT_WAITING, add DOMAIN_EVENT": GONE,
  "plain add DOMAIN_EVENT": GONE,
};

/** Not found, and why that is right. */
const HARMLESS: Partial<Record<FunctionName, Readonly<Record<string, string>>>> = {
  lock: {
    "drop load SLOT_EVICTED": TOLD_LATER,
    "swap store SLOT_CTR, load SLOT_EVICTED": TOLD_LATER,
    "plain load DOMAIN_GP_CTR": STALE,
    "plain load SLOT_EVICTED": TOLD_LATER,
  },
  unlock: LEAVE,
  readWord: { ...LEAVE, "plain load DOMAIN_GP_CTR": STALE },
  quiescent: { ...SIGNAL, "plain load DOMAIN_GP_CTR": STALE },
  advance: {
    "plain load DOMAIN_SLOTS_USED": ENCLOSED,
    "swap load DOMAIN_GP_CTR, cmpxchg DOMAIN_GP_CTR":
      "the loop goes round once more before it compares",
    "plain load DOMAIN_GP_DONE":
      "an older count costs a round; the free after it waits for the branch",
    "plain load DOMAIN_GP_CTR": ENCLOSED,
    "plain load SLOT_CTR": ENCLOSED,
    "plain cmpxchg DOMAIN_GP_CTR": WIDE,
    "plain cmpxchg DOMAIN_GP_DONE": ANEW,
  },
  arm: {
    "swap load DOMAIN_GP_CTR, load DOMAIN_SLOTS_USED": APART,
    "plain load DOMAIN_GP_CTR":
      "an older grace period is held by fewer: who is not armed is not slept on",
    "plain load DOMAIN_SLOTS_USED": HINT,
    "plain load SLOT_CTR": HINT,
  },
  srcuLock: {
    "drop load SLOT_EVICTED": TOLD_LATER,
    "swap add SRCU_SLOT_ACTIVE, load SLOT_EVICTED": TOLD_LATER,
    "plain load DOMAIN_GP_CTR": "an older index is drained in each grace period too",
    "plain load SLOT_EVICTED": TOLD_LATER,
  },
  srcuUnlock: LEAVE,
  srcuAdvance: {
    "plain load DOMAIN_SLOTS_USED": ENCLOSED,
    "plain load DOMAIN_GP_CTR": "an older sequence fails the compare-and-exchange",
    "plain load SRCU_SLOT_ACTIVE": ENCLOSED,
  },
  srcuArm: {
    "swap load DOMAIN_GP_CTR, load DOMAIN_SLOTS_USED": APART,
    "plain load DOMAIN_GP_CTR":
      "an older index has other holders: who is not armed is not slept on",
    "plain load DOMAIN_SLOTS_USED": HINT,
    "plain load SRCU_SLOT_ACTIVE": HINT,
  },
};

/** All mistakes but those in SLOT_HURRY, which no step reads: it is a hint to the reader. */
function mistakes(name: FunctionName): { name: string; table: Table }[] {
  const body = steps[name].filter((row) => !isAccess(row) || row.word !== "SLOT_HURRY");
  return mutants(body).map((mutant) => {
    return { name: mutant.name, table: { ...steps, [name]: mutant.body } };
  });
}

/** Plain loads and stores are not run in order: there, plain and atomic accesses are the same. */
function verdict(name: FunctionName, mistake: { name: string; table: Table }): string {
  if (passes(name, mistake.table, "weak")) return "harmless";
  if (/^plain (load|store)/.test(mistake.name)) return "weak";
  return passes(name, mistake.table, "sc") ? "weak" : "both";
}

function expected(name: FunctionName, mistake: string): string {
  if (HARMLESS[name]?.[mistake] !== undefined) return "harmless";
  return WEAK[name]?.includes(mistake) ? "weak" : "both";
}

const checked = Object.keys(steps) as FunctionName[];
for (const name of checked.filter((name) => !name.startsWith("pair"))) {
  const all = mistakes(name);
  Deno.test(`model: ${all.length} mistakes in ${name}, each found or harmless for a reason`, () => {
    const found = all.map((mistake) => `${mistake.name}: ${verdict(name, mistake)}`);
    assertEquals(found, all.map((mistake) => `${mistake.name}: ${expected(name, mistake.name)}`));
    const names = all.map((mistake) => mistake.name);
    const listed = [...Object.keys(HARMLESS[name] ?? {}), ...WEAK[name] ?? []];
    assertEquals(listed.filter((mistake) => !names.includes(mistake)), []);
  });
}

for (
  const [name, flavour, mistake] of [
    ["advance", "memb", "plain cmpxchg DOMAIN_GP_CTR"],
  ] as [FunctionName, Flavour, string][]
) {
  Deno.test(`model: the larger models find "${mistake}" in ${name}`, () => {
    const { table } = mistakes(name).find((candidate) => candidate.name === mistake)!;
    assertEquals(passesWide(flavour, table), false);
  });
}
