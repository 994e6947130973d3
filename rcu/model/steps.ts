/**
 * The steps of rcu's protocols: the one table that the model checks are made of and that
 * `steps_test.ts` holds against the kernel's source, access by access.
 *
 * Registers that a caller binds (`slot`, `goal`, `cell`, ...) are the function's parameters; slots
 * are numbered from 0, and a slot that is a result is its number plus 1 (0: none), as the kernel
 * returns 0 for none.
 *
 * @module
 */

import { type Access, type Body, computed, type Operand, type Row } from "#tools/model/mod.ts";

/** The functions of the kernel that take part in a protocol. */
export type FunctionName =
  | "lock"
  | "unlock"
  | "readWord"
  | "quiescent"
  | "startPoll"
  | "advance"
  | "arm"
  | "srcuLock"
  | "srcuUnlock"
  | "srcuStartPoll"
  | "srcuAdvance"
  | "srcuArm"
  | "pairLoad"
  | "pairStore";

/** The steps of each function. */
export type Table = Readonly<Record<FunctionName, Body>>;

const not = (operand: Operand) => computed([operand], (value) => value === 0);
const plus = (operand: Operand, by: number) => computed([operand], (value) => value! + by);
const same = (one: Operand, other: Operand) => computed([one, other], (a, b) => a === b);

/** Clears the slot's flags, then counts and wakes, if the slot was armed. */
const signal: Access[] = [
  { access: "store", width: 32, word: "SLOT_WAITING", at: "slot", value: 0, when: "waiting" },
  { access: "store", width: 32, word: "SLOT_HURRY", at: "slot", value: 0, when: "waiting" },
  { access: "add", width: 32, word: "DOMAIN_EVENT", value: 1, when: "waiting" },
  { access: "notify", width: 32, word: "DOMAIN_EVENT", when: "waiting" },
];
const loadWaiting: Access = {
  ...{ access: "load", width: 32, word: "SLOT_WAITING", at: "slot", into: "waiting" },
};
const loadEvicted: Access = {
  ...{ access: "load", width: 32, word: "SLOT_EVICTED", at: "slot", into: "evicted" },
};
const enter: Access[] = [
  { access: "load", width: 64, word: "DOMAIN_GP_CTR", into: "ctr" },
  { access: "store", width: 64, word: "SLOT_CTR", at: "slot", value: "ctr" },
];
const leave: Access[] = [
  { access: "store", width: 64, word: "SLOT_CTR", at: "slot", value: 0 },
  loadWaiting,
  ...signal,
];

/** Does `body` for each slot in use; it may jump to `next`, and leaves the loop by any other label. */
function eachSlot(body: Body): Row[] {
  return [
    { access: "load", width: 32, word: "DOMAIN_SLOTS_USED", into: "used" },
    { set: "scan", to: 0 },
    { label: "each" },
    { jump: "all", when: same("scan", "used") },
    ...body,
    { label: "next" },
    { set: "scan", to: plus("scan", 1) },
    { jump: "each" },
    { label: "all" },
  ];
}

/** Marks the slot as armed; with `hurry`, also asks its reader to hurry. */
const ask: Access[] = [
  { access: "store", width: 32, word: "SLOT_HURRY", at: "scan", value: 1, when: "hurry" },
  { access: "store", width: 32, word: "SLOT_WAITING", at: "scan", value: 1 },
  { access: "notify", width: 32, word: "SLOT_HURRY", at: "scan", when: "hurry" },
];

/** Whether a counter in a slot holds up grace period `current`. */
const behind = computed(["ctr", "current"], (ctr, current) => ctr !== 0 && ctr! < current!);

/** The index that new readers take, and the one that is drained, by the sequence. */
const index = computed(["sequence"], (sequence) => ((sequence! + 2) >>> 2) & 1);
const drained = computed([index], (current) => current! ^ 1);
const counter = (slot: Operand, of: Operand) => computed([slot, of], (a, b) => a! * 2 + b!);
const loadActive: Access = {
  ...{ access: "load", width: 32, word: "SRCU_SLOT_ACTIVE", into: "active" },
  at: counter("scan", drained),
};

/** As the kernel has them. */
export const steps: Table = {
  lock: [...enter, loadEvicted],
  unlock: [...leave, loadEvicted],
  readWord: [
    ...enter,
    { access: "load", width: 32, word: "cell", into: "block" },
    { access: "load", width: 32, word: "block", at: "block", into: "value", plain: true },
    ...leave,
    loadEvicted,
  ],
  quiescent: [...enter, loadWaiting, ...signal, loadEvicted],
  startPoll: [
    { access: "load", width: 64, word: "DOMAIN_GP_CTR", into: "ctr" },
    { set: "cookie", to: plus("ctr", 1) },
  ],
  advance: [
    { label: "again" },
    { set: "holder", to: 0 },
    { access: "load", width: 64, word: "DOMAIN_GP_DONE", into: "done" },
    { jump: "return", when: computed(["done", "goal"], (done, goal) => done! >= goal!) },
    { access: "load", width: 64, word: "DOMAIN_GP_CTR", into: "current" },
    {
      ...{ access: "cmpxchg", width: 64, word: "DOMAIN_GP_CTR", when: same("current", "done") },
      ...{ expected: "current", value: plus("current", 1) },
    },
    { jump: "again", when: same("current", "done") },
    ...eachSlot([
      { access: "load", width: 64, word: "SLOT_CTR", at: "scan", into: "ctr" },
      { jump: "next", when: not(behind) },
      { set: "holder", to: plus("scan", 1) },
      { jump: "return" },
    ]),
    {
      ...{ access: "cmpxchg", width: 64, word: "DOMAIN_GP_DONE" },
      ...{ expected: "done", value: "current" },
    },
    { jump: "again" },
    { label: "return" },
  ],
  arm: [
    { set: "holder", to: 0 },
    { access: "load", width: 64, word: "DOMAIN_GP_CTR", into: "current" },
    ...eachSlot([
      { access: "load", width: 64, word: "SLOT_CTR", at: "scan", into: "ctr" },
      { jump: "next", when: not(behind) },
      ...ask,
      { jump: "next", when: "holder" },
      { access: "load", width: 64, word: "SLOT_CTR", at: "scan", into: "ctr" },
      { jump: "next", when: not(behind) },
      { set: "holder", to: plus("scan", 1) },
    ]),
  ],
  srcuLock: [
    { access: "load", width: 64, word: "DOMAIN_GP_CTR", into: "sequence" },
    { set: "index", to: index },
    { access: "add", width: 32, word: "SRCU_SLOT_ACTIVE", at: counter("slot", "index"), value: 1 },
    loadEvicted,
  ],
  srcuUnlock: [
    { access: "sub", width: 32, word: "SRCU_SLOT_ACTIVE", at: counter("slot", "index"), value: 1 },
    loadWaiting,
    ...signal,
    loadEvicted,
  ],
  srcuStartPoll: [
    { access: "load", width: 64, word: "DOMAIN_GP_CTR", into: "sequence" },
    { set: "cookie", to: computed(["sequence"], (sequence) => (sequence! + 7) & ~3) },
  ],
  srcuAdvance: [
    { label: "again" },
    { set: "holder", to: 0 },
    { access: "load", width: 64, word: "DOMAIN_GP_CTR", into: "sequence" },
    { jump: "return", when: computed(["sequence", "goal"], (at, goal) => at! >= goal!) },
    { jump: "move", when: computed(["sequence"], (sequence) => (sequence! & 3) === 0) },
    ...eachSlot([
      loadActive,
      { jump: "next", when: not("active") },
      { set: "holder", to: plus("scan", 1) },
      { jump: "return" },
    ]),
    { label: "move" },
    { set: "to", to: computed(["sequence"], (at) => at! & 2 ? at! + 2 : at! + 1) },
    {
      ...{ access: "cmpxchg", width: 64, word: "DOMAIN_GP_CTR" },
      ...{ expected: "sequence", value: "to" },
    },
    { jump: "again" },
    { label: "return" },
  ],
  srcuArm: [
    { set: "holder", to: 0 },
    { access: "load", width: 64, word: "DOMAIN_GP_CTR", into: "sequence" },
    ...eachSlot([
      loadActive,
      { jump: "next", when: not("active") },
      ...ask,
      { jump: "next", when: "holder" },
      loadActive,
      { jump: "next", when: not("active") },
      { set: "holder", to: plus("scan", 1) },
    ]),
  ],
  pairLoad: [{ access: "load", width: 64, word: "cell", into: "pair" }],
  pairStore: [{ access: "store", width: 64, word: "cell", value: "pair" }],
};
