/**
 * The models of who waits for whom: readers whose sections are empty, and updaters that sleep as the
 * driver does. What must hold is that every thread gets to its end.
 *
 * @module
 */

import { call, computed, type Program, type Row, type Thread } from "#tools/model/mod.ts";
import { type Flavour, fusedReader, gracePeriod, readers, waitFor, words } from "./programs.ts";
import type { Table } from "./steps.ts";

/** Updaters that sleep until a grace period is over; the first may die. */
function sleepingUpdaters(table: Table, flavour: Flavour, count: number, dies = false): Thread[] {
  return Array.from({ length: count }, (_, index) => ({
    name: `updater ${index + 1}`,
    body: gracePeriod(table, flavour, "wait", "sleep"),
    dies: dies && index === 0,
  }));
}

/** Readers of two sections each, and updaters that sleep until a grace period is over. */
export function sleepers(
  table: Table,
  flavour: Flavour,
  count: number,
  updaters: number,
  dies = false,
): Program {
  const reading = readers(table, flavour, count, () => []);
  const sleeping = sleepingUpdaters(table, flavour, updaters, dies);
  return { words: words(flavour), threads: [...reading, ...sleeping] };
}

/** A sleeper and a reader that runs each of two sections by one call. */
export function fusedSleeper(table: Table): Program {
  const sleeping = sleepingUpdaters(table, "memb", 1);
  return { words: words("memb"), threads: [fusedReader(table, 0), ...sleeping] };
}

/** The grace period of the sleeper has started; with SRCU, the index is flipped. */
const started: Row = {
  ...{ access: "load", width: 64, word: "DOMAIN_GP_CTR", into: "seen" },
  until: computed(["seen"], (seen) => seen! >= 2),
};

function enter(table: Table, flavour: Flavour): Row[] {
  return [...call("lock", flavour === "srcu" ? table.srcuLock : table.lock, { slot: 0 })];
}

/** A sleeper, and a reader that enters once the grace period has begun and never leaves. */
export function latecomer(table: Table, flavour: Flavour): Program {
  const reader = { name: "reader", body: [started, ...enter(table, flavour)] };
  return { words: words(flavour), threads: [reader, ...sleepingUpdaters(table, flavour, 1)] };
}

/** A sleeper, and a reader that enters and never leaves: the sleeper must not be awake for ever. */
export function holder(table: Table, flavour: Flavour): Program {
  const reader = { name: "reader", body: enter(table, flavour) };
  return { words: words(flavour), threads: [reader, ...sleepingUpdaters(table, flavour, 1)] };
}

/**
 * A sleeper for the first grace period; another context that moves grace periods on, the second too;
 * and a reader that enters between the two and never leaves. It holds up the second only.
 */
export function overtaken(table: Table, flavour: Flavour): Program {
  const srcu = flavour === "srcu";
  const [first, second] = srcu ? [4, 8] : [2, 3];
  const over = computed(["seen"], (seen) => seen! >= first!);
  const word = srcu ? "DOMAIN_GP_CTR" : "DOMAIN_GP_DONE";
  const advance = srcu ? table.srcuAdvance : table.advance;
  const other = [
    ...call("one", advance, { goal: first! }),
    ...call("two", advance, { goal: second! }),
  ];
  return {
    words: words(flavour),
    threads: [
      { name: "reader", body: [{ ...started, word, until: over }, ...enter(table, flavour)] },
      { name: "other", body: other },
      { name: "updater", body: waitFor(table, flavour, "wait", first!, "sleep") },
    ],
  };
}

/** A sleeper, and a QSBR reader that stays online: one quiescent state must be enough. */
export function reports(table: Table): Program {
  const body = [
    ...enter(table, "qsbr"),
    started,
    ...call("quiescent", table.quiescent, { slot: 0 }),
  ];
  const sleeping = sleepingUpdaters(table, "qsbr", 1);
  return { words: words("qsbr"), threads: [{ name: "reader", body }, ...sleeping] };
}
