/**
 * The models of rcu's grace periods: who uses the steps, and what must hold.
 *
 * The data is one cell that points at one of three blocks. A block is one word: 1 while it holds an
 * object, 0 once it is freed. A reader dereferences the cell inside a section, reads the block and
 * asserts that it is not freed; an updater publishes another block, waits for a grace period and
 * frees the old one, and the next update may use it again.
 *
 * @module
 */

import {
  type Body,
  call,
  computed,
  type Operand,
  type Program,
  type Row,
  type Thread,
  type Words,
} from "#tools/model/mod.ts";
import type { Table } from "./steps.ts";

/** The three kinds of reader: two flavours of RCU, and SRCU. */
export type Flavour = "memb" | "qsbr" | "srcu";

/** The words of a domain with two reader slots, and of the data. */
export function words(flavour: Flavour): Words {
  const srcu = flavour === "srcu";
  return {
    DOMAIN_GP_CTR: srcu ? 0 : 1,
    ...(srcu ? { SRCU_SLOT_ACTIVE: [0, 0, 0, 0] } : { DOMAIN_GP_DONE: 1, SLOT_CTR: [0, 0] }),
    DOMAIN_EVENT: 0,
    DOMAIN_SLOTS_USED: 2,
    SLOT_WAITING: [0, 0],
    SLOT_HURRY: [0, 0],
    SLOT_EVICTED: [0, 0],
    cell: 0,
    block: [1, 0, 0],
  };
}

/** Reads the block that the cell points at, as a reader does inside a section. */
export function readBlock(section: number): Row[] {
  const [pointer, value] = [`pointer${section}`, `value${section}`];
  return [
    { access: "load", width: 32, word: "cell", into: pointer },
    { access: "load", width: 32, word: "block", at: pointer, into: value, plain: true },
    { check: value, says: "a reader sees a block that was freed" },
  ];
}

/** What a reader does inside its section number `section`. */
type Read = (section: number) => Row[];

function reader(
  table: Table,
  flavour: Flavour,
  slot: number,
  read: Read,
  sections: number,
): Thread {
  const name = `reader ${slot}`;
  if (flavour === "qsbr") return { name, body: qsbrBody(table, slot, read, sections) };
  const lock = flavour === "srcu" ? table.srcuLock : table.lock;
  const unlock = flavour === "srcu" ? table.srcuUnlock : table.unlock;
  const body = numbers(sections).flatMap((section) => [
    ...call(`lock${section}`, lock, { slot }),
    ...read(section),
    ...call(`unlock${section}`, unlock, { slot, index: `lock${section}.index` }),
  ]);
  return { name, body };
}

/** Online, sections with quiescent states between them, offline: `lock` and `unlock` do the ends. */
function qsbrBody(table: Table, slot: number, read: Read, sections: number): Body {
  return [
    ...numbers(sections).flatMap((section) => [
      ...call(`enter${section}`, section === 1 ? table.lock : table.quiescent, { slot }),
      ...read(section),
    ]),
    ...call("offline", table.unlock, { slot }),
  ];
}

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

/** A reader whose two sections are one call each. */
export function fusedReader(table: Table, slot: number): Thread {
  const body = [1, 2].flatMap((section): Row[] => [
    ...call(`read${section}`, table.readWord, { slot }),
    { check: `read${section}.value`, says: "a reader sees a block that was freed" },
  ]);
  return { name: `reader ${slot}`, body };
}

/** How an updater waits: it looks again when a slot changes, or sleeps as the driver does. */
type Wait = "look" | "sleep";

/** Waits until the grace period of a cookie is over. */
export function waitFor(
  table: Table,
  flavour: Flavour,
  name: string,
  cookie: Operand,
  wait: Wait,
): Row[] {
  const srcu = flavour === "srcu";
  const advance = `${name}.advance`;
  const around = wait === "sleep" ? sleep(table, srcu, name, cookie) : [moved(advance, srcu)];
  return [
    { label: `${name}.look` },
    ...call(advance, srcu ? table.srcuAdvance : table.advance, { goal: cookie }),
    { jump: `${name}.over`, when: computed([`${advance}.holder`], (holder) => holder === 0) },
    ...around,
    { jump: `${name}.look` },
    { label: `${name}.over` },
  ];
}

/**
 * Sleeps until a reader signals, as the driver does: only if a slot holds after it was armed, and
 * not if the grace period is over, for then that slot may hold up a later one.
 */
function sleep(table: Table, srcu: boolean, name: string, cookie: Operand): Row[] {
  const none = (call: string) => computed([`${name}.${call}.holder`], (holder) => holder === 0);
  return [
    { access: "load", width: 32, word: "DOMAIN_EVENT", into: `${name}.seen` },
    ...call(`${name}.arm`, srcu ? table.srcuArm : table.arm, { hurry: 0 }),
    { jump: `${name}.look`, when: none("arm") },
    ...call(`${name}.last`, srcu ? table.srcuAdvance : table.advance, { goal: cookie }),
    { jump: `${name}.over`, when: none("last") },
    { access: "wait", width: 32, word: "DOMAIN_EVENT", value: `${name}.seen` },
  ];
}

/** Stands for looking again and again: waits until the holder no longer holds. */
function moved(advance: string, srcu: boolean): Row {
  if (srcu) return srcuMoved(advance);
  return {
    ...{ access: "load", width: 64, word: "SLOT_CTR", into: "moved" },
    at: computed([`${advance}.holder`], (holder) => holder! - 1),
    until: computed(
      ["moved", `${advance}.current`],
      (ctr, current) => ctr === 0 || ctr! >= current!,
    ),
  };
}

function srcuMoved(advance: string): Row {
  return {
    ...{ access: "load", width: 32, word: "SRCU_SLOT_ACTIVE", into: "moved" },
    at: computed([`${advance}.holder`, `${advance}.sequence`], (holder, sequence) => {
      return (holder! - 1) * 2 + ((((sequence! + 2) >>> 2) & 1) ^ 1);
    }),
    until: computed(["moved"], (active) => active === 0),
  };
}

/** Asks for a grace period and waits until it is over. */
export function gracePeriod(table: Table, flavour: Flavour, name: string, wait: Wait): Row[] {
  const startPoll = flavour === "srcu" ? table.srcuStartPoll : table.startPoll;
  return [
    ...call(`${name}.poll`, startPoll),
    ...waitFor(table, flavour, name, `${name}.poll.cookie`, wait),
  ];
}

/**
 * One update: fills a block, publishes it, waits for a grace period, frees the old block. A writer
 * that is alone knows the old block (a number) and stores; others exchange (into a register).
 */
function update(
  table: Table,
  flavour: Flavour,
  name: string,
  block: number,
  old: number | string,
): Row[] {
  return [
    { access: "store", width: 32, word: "block", at: block, value: 1, plain: true },
    typeof old === "number"
      ? { access: "store", width: 32, word: "cell", value: block }
      : { access: "xchg", width: 32, word: "cell", value: block, into: old },
    ...gracePeriod(table, flavour, name, "look"),
    { access: "store", width: 32, word: "block", at: old, value: 0, plain: true },
  ];
}

/** Readers of slots 0 and up; by default each section reads the block. */
export function readers(
  table: Table,
  flavour: Flavour,
  count: number,
  read: Read = readBlock,
  sections = 2,
): Thread[] {
  return Array.from({ length: count }, (_, slot) => reader(table, flavour, slot, read, sections));
}

/** Two readers, of two sections each unless told; one updater makes two updates, the second reuses a block. */
export function oneUpdater(
  table: Table,
  flavour: Flavour,
  sections = 2,
  read: Read = readBlock,
  updates = 2,
): Program {
  const body = numbers(updates).flatMap((n) => {
    return update(table, flavour, `update${n}`, n % 2, (n + 1) % 2);
  });
  const threads = [...readers(table, flavour, 2, read, sections), { name: "updater", body }];
  return { words: words(flavour), threads };
}

/** As `oneUpdater`, with readers that run each section by one call. */
export function fusedReaders(table: Table): Program {
  const { words, threads } = oneUpdater(table, "memb");
  return { words, threads: [fusedReader(table, 0), fusedReader(table, 1), ...threads.slice(2)] };
}

/** A reader of two sections, and two updaters that make one update each; the first may die. */
export function twoUpdaters(table: Table, flavour: Flavour): Program {
  const updaters = [1, 2].map((block): Thread => {
    const body = update(table, flavour, `update${block}`, block, `update${block}.old`);
    return { name: `updater ${block}`, body, dies: block === 1 };
  });
  const threads = [...readers(table, flavour, 1), ...updaters];
  return { words: words(flavour), threads };
}

/**
 * A reader of one section, an updater of so many updates (at most two), and one who only runs as
 * many grace periods.
 */
export function bystander(table: Table, flavour: Flavour, count: number): Program {
  const { words, threads } = oneUpdater(table, flavour, 1, readBlock, count);
  const body = numbers(count).flatMap((n) => gracePeriod(table, flavour, `own${n}`, "look"));
  return { words, threads: [threads[0]!, threads[2]!, { name: "bystander", body }] };
}
