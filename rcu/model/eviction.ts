/**
 * The model of an eviction: a reader that is evicted while it lives must never take what it read in
 * a section for good, and nobody may wait for it afterwards.
 *
 * @module
 */

import {
  type Access,
  type Body,
  call,
  computed,
  type Program,
  type Row,
} from "#tools/model/mod.ts";
import { type Flavour, oneUpdater } from "./programs.ts";
import type { Table } from "./steps.ts";

const SAYS = "an evicted reader sees a freed block and is not told";

/** Comes before the end of the sections: a reader that is not waited for must be told so. */
const mark: Access = { access: "store", width: 32, word: "SLOT_EVICTED", value: 1 };

/** Ends every section of slot 0. */
function end(flavour: Flavour): Access[] {
  if (flavour !== "srcu") return [{ access: "store", width: 64, word: "SLOT_CTR", value: 0 }];
  return [0, 1].map((at) => ({
    access: "store",
    width: 32,
    word: "SRCU_SLOT_ACTIVE",
    at,
    value: 0,
  }));
}

/** One section that reads the block and asserts only if its end does not report an eviction. */
function section(table: Table, flavour: Flavour): Row[] {
  const srcu = flavour === "srcu";
  const leave = srcu ? table.srcuUnlock : flavour === "qsbr" ? table.quiescent : table.unlock;
  return [
    ...call("lock", srcu ? table.srcuLock : table.lock, { slot: 0 }),
    { jump: "leave", when: "lock.evicted" },
    { access: "load", width: 32, word: "cell", into: "pointer" },
    { access: "load", width: 32, word: "block", at: "pointer", into: "value", plain: true },
    { label: "leave" },
    ...call("leave", leave, { slot: 0, index: "lock.index" }),
    {
      check: computed(["value", "leave.evicted"], (value, told) => value || told),
      says: SAYS,
    },
    ...giveBack(flavour),
  ];
}

/** What a reader that goes, or is told that it was evicted, does to its slot. */
function giveBack(flavour: Flavour): Row[] {
  if (flavour === "memb") return [];
  if (flavour === "srcu") return end(flavour).map((row) => ({ ...row, when: "leave.evicted" }));
  return end(flavour);
}

/** A reader of one section that is evicted at any time, and an updater of two updates. */
export function evicted(table: Table, flavour: Flavour): Program {
  return withEvictor(table, flavour, section(table, flavour));
}

/** The same with a reader whose section is one call. */
export function fusedEvicted(table: Table): Program {
  return withEvictor(table, "memb", [
    ...call("read", table.readWord, { slot: 0 }),
    { check: computed(["read.value", "read.evicted"], (value, told) => value || told), says: SAYS },
  ]);
}

function withEvictor(table: Table, flavour: Flavour, body: Body): Program {
  const { words, threads } = oneUpdater(table, flavour);
  const evictor = { name: "evictor", body: [mark, ...end(flavour)] };
  return { words, threads: [{ name: "reader", body }, threads[2]!, evictor] };
}
