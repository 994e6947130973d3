/**
 * Which models tell whether a function's steps are right.
 *
 * @module
 */

import { explore, type Memory, type Program } from "#tools/model/mod.ts";
import { evicted, fusedEvicted } from "./eviction.ts";
import { bystander, type Flavour, fusedReaders, oneUpdater } from "./programs.ts";
import { fusedSleeper, holder, latecomer, overtaken, reports, sleepers } from "./sleepers.ts";
import type { FunctionName, Table } from "./steps.ts";

/** A model, and how it must end: `undefined` if nothing may go wrong. */
interface Model {
  readonly of: (table: Table) => Program;
  readonly says?: string;
}

/** Whether a table passes the models of a function. */
export function passes(name: FunctionName, table: Table, memory: Memory): boolean {
  return models[name]!.every(({ of, says }) => explore(of(table), memory).failure?.says === says);
}

/**
 * Whether a table passes the two models that are too large to run for every mistake: two contexts
 * with two grace periods each, one of which may set the counter back; and two sleepers.
 */
export function passesWide(flavour: Flavour, table: Table): boolean {
  const programs = [bystander(table, flavour, 2), sleepers(table, flavour, 1, 2)];
  return programs.every((program) => explore(program, "weak").failure === undefined);
}

function ofWaiting(flavour: Flavour): Model[] {
  return [
    { of: (table) => holder(table, flavour), says: "stuck: no thread can move" },
    { of: (table) => latecomer(table, flavour) },
    { of: (table) => overtaken(table, flavour) },
    { of: (table) => sleepers(table, flavour, 1, 1) },
  ];
}

function ofReaders(flavour: Flavour): Model[] {
  return [
    ...ofWaiting(flavour),
    { of: (table) => oneUpdater(table, flavour) },
    { of: (table) => evicted(table, flavour) },
  ];
}

function ofUpdaters(flavour: Flavour): Model[] {
  return [
    ...ofWaiting(flavour),
    { of: (table) => oneUpdater(table, flavour) },
    { of: (table) => bystander(table, flavour, 1) },
  ];
}

function ofArming(flavour: Flavour): Model[] {
  return [...ofWaiting(flavour), { of: (table) => sleepers(table, flavour, 2, 1) }];
}

/** The models that use each function, the quickest first. */
const models: Readonly<Record<string, readonly Model[]>> = {
  lock: ofReaders("memb"),
  unlock: ofReaders("memb"),
  quiescent: [
    { of: reports },
    ...ofReaders("qsbr"),
    { of: (table) => sleepers(table, "qsbr", 2, 1) },
  ],
  readWord: [{ of: fusedSleeper }, { of: fusedReaders }, { of: fusedEvicted }],
  startPoll: ofUpdaters("memb"),
  advance: ofUpdaters("memb"),
  arm: ofArming("memb"),
  srcuLock: ofReaders("srcu"),
  srcuUnlock: ofReaders("srcu"),
  srcuStartPoll: ofUpdaters("srcu"),
  srcuAdvance: ofUpdaters("srcu"),
  srcuArm: ofArming("srcu"),
};
