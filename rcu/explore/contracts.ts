/**
 * What each function of the kernel does to the memory and returns, with one thread: the part of its
 * contract that needs no second thread to be seen. Explorations with several threads rest on it.
 *
 * @module
 */

import { type Program, run, type Steps } from "#tools/explorer/mod.ts";
import { DOMAIN, SLOT, SRCU_SLOT } from "../kernel/layouts.ts";
import { equal, holds, holds64 } from "./expect.ts";
import { slotLife } from "./slot_contracts.ts";
import { BLOCK, CELL, D, EVENT, FLAG, type Flavour, k, setting, SLOTS } from "./setting.ts";

const [FIRST, SECOND] = SLOTS;
const GP_CTR = DOMAIN.gpCtr.at(D);
const GP_DONE = DOMAIN.gpDone.at(D);
/** The token in the mark of an expulsion. */
const MARK = 7;
/** Grace periods are numbered from here: beyond 32 bits, and not a round number in either half. */
const START = 2 ** 33 + 2 ** 31 + 4;

// ---- cells --------------------------------------------------------------------------------------

function* cells(): Steps {
  yield* k.store32(FLAG, 5);
  equal(yield* k.load32(FLAG), 5, "load32 after store32");
  equal(yield* k.exchange32(FLAG, 6), 5, "exchange32");
  equal(yield* k.add32(FLAG, 10), 6, "add32");
  equal(yield* k.compareExchange32(FLAG, 15, 1), 16, "compareExchange32 of another value");
  equal(yield* k.compareExchange32(FLAG, 16, 1), 16, "compareExchange32");
  yield* run(holds, FLAG, 1, "what compareExchange32 stored");
  yield* run(sleeps);
  yield* run(pair);
}

function* sleeps(): Steps {
  equal(yield* k.wait32(FLAG, 2, -1), 1, "wait32 for another value");
  equal(yield* k.wait32(FLAG, 1, 0), 2, "wait32 without time");
  equal(yield* k.wait32(FLAG, 1, 5), 2, "wait32 that nobody notifies");
  equal(yield* k.notify(FLAG, 1), 0, "notify without sleepers");
}

function* pair(): Steps {
  const cell = BLOCK.old;
  yield* k.pairStore(cell, 0x8000_0001, 0x8000_0002);
  equal((yield* k.pairLoad(cell)) >>> 0, 0x8000_0001, "pairLoad");
  equal((yield* k.pairSecond()) >>> 0, 0x8000_0002, "pairSecond");
  equal(yield* k.pairIs(cell, 0x8000_0001, 0x8000_0002), 1, "pairIs");
  equal(yield* k.pairIs(cell, 0x8000_0001, 2), 0, "pairIs of another second half");
  equal(yield* k.pairIs(cell, 1, 0x8000_0002), 0, "pairIs of another first half");
  yield* run(holds, cell, 0x8000_0001, "the first half");
  yield* run(holds, cell + 4, 0x8000_0002, "the second half");
  equal(yield* k.load64(cell), 0x8000_0002 * 2 ** 32 + 0x8000_0001, "load64");
}

// ---- readers ------------------------------------------------------------------------------------

/** Arms a slot, and later fails unless its reader has signalled. */
function* armSlot(slot: number): Steps {
  yield* k.store32(SLOT.waiting.at(slot), 1);
  yield* k.store32(SLOT.hurry.at(slot), 1);
  yield* k.store32(EVENT, 8);
}

function* hasSignalled(slot: number): Steps {
  yield* run(holds, SLOT.waiting.at(slot), 0, "waiting after a signal");
  yield* run(holds, SLOT.hurry.at(slot), 0, "hurry after a signal");
  yield* run(holds, EVENT, 9, "event after a signal");
}

/** Does what a reader's function does, armed and not, with the mark of an expulsion and without. */
function* reader(name: string, slot: number, index: number): Steps {
  const told = name === "readWord" ? -1 : name === "quiescent" ? MARK : 0;
  const usual = name === "readWord" ? 0x8000_0007 : 0;
  equal(yield* run(call, name, slot, index), usual, name);
  yield* run(holds, EVENT, 0, "event without a signal");
  yield* run(holds, SLOT.hurry.at(slot), 0, "hurry");
  yield* run(armSlot, slot);
  equal(yield* run(call, name, slot, index), usual, `${name} of an armed slot`);
  yield* run(hasSignalled, slot);
  yield* k.store32(SLOT.expelled.at(slot), MARK);
  equal(yield* run(call, name, slot, index), told, `${name} of a marked slot`);
}

/** Calls a function that ends a section, or reports a quiescent state; 0 if it returns nothing. */
function* call(name: string, slot: number, index: number): Steps<number> {
  if (name === "quiescent") return yield* k.quiescent(D, slot);
  if (name === "readWord") return yield* k.readWord(D, slot, CELL, 4);
  if (name === "unlock") yield* k.unlock(D, slot);
  else yield* k.srcuUnlock(D, slot, index);
  return 0;
}

function* readers(): Steps {
  yield* k.store32(BLOCK.old + 4, 0x8000_0007);
  yield* run(lock, SECOND);
  yield* run(reader, "unlock", SECOND, 0);
  yield* run(holds64, SECOND, 0, "ctr after unlock");
  yield* k.store32(EVENT, 0);
  yield* run(reader, "readWord", FIRST, 0);
  yield* run(holds64, FIRST, 0, "ctr after readWord");
  yield* k.store32(SLOT.expelled.at(FIRST), 0);
  yield* run(readsNull);
  yield* k.store32(EVENT, 0);
  yield* run(reader, "quiescent", FIRST, 0);
  yield* run(holds64, FIRST, START, "ctr after a quiescent state");
}

function* readsNull(): Steps {
  yield* k.store32(CELL, 0);
  equal(yield* k.readWord(D, FIRST, CELL, 4), -2, "readWord of a null pointer");
  yield* run(holds64, FIRST, 0, "ctr after that");
}

function* lock(slot: number): Steps {
  equal(yield* k.lock(D, slot), 0, "lock");
  yield* run(holds64, SLOT.ctr.at(slot), START, "ctr after lock");
  yield* k.store32(SLOT.expelled.at(slot), MARK);
  equal(yield* k.lock(D, slot), MARK, "lock of a marked slot");
  yield* k.store32(SLOT.expelled.at(slot), 0);
}

// ---- grace periods ------------------------------------------------------------------------------

function* gracePeriods(): Steps {
  equal(yield* k.startPoll(D), START + 1, "startPoll");
  equal(yield* k.advance(D, START), 0, "advance to a grace period that is over");
  yield* run(holds64, GP_CTR, START, "gpCtr after that");
  equal(yield* k.advance(D, START + 1), 0, "advance without readers");
  yield* run(holds64, GP_CTR, START + 1, "gpCtr after a grace period");
  equal(yield* k.advance(D, START + 2), 0, "advance once more");
  yield* run(holds64, GP_CTR, START + 2, "gpCtr after two grace periods");
  yield* run(holds64, GP_DONE, START + 2, "gpDone after two grace periods");
  yield* k.lock(D, SECOND);
  yield* run(heldUp, "advance", "arm", START + 3, SECOND);
  yield* run(holds64, GP_DONE, START + 2, "gpDone while a reader holds");
  yield* k.pairStore(FIRST, START % 2 ** 32, Math.floor(START / 2 ** 32));
  yield* run(bothHeldUp, "advance", "arm", START + 3);
  yield* k.unlock(D, FIRST);
  yield* k.unlock(D, SECOND);
  yield* run(unarmed, "arm");
  equal(yield* k.advance(D, START + 3), 0, "advance after the reader has left");
  // A reader of the newest grace period holds up none before it.
  yield* k.lock(D, FIRST);
  yield* run(unarmed, "arm");
}

function* srcu(): Steps {
  equal(yield* k.srcuStartPoll(D), START + 4, "srcuStartPoll when idle");
  equal(yield* k.srcuAdvance(D, START), 0, "srcuAdvance to a sequence that is reached");
  const index = yield* k.srcuLock(D, SECOND);
  yield* run(holds, SRCU_SLOT.active.at(SECOND, index), 1, "active after srcuLock");
  yield* run(heldUp, "srcuAdvance", "srcuArm", START + 4, SECOND);
  yield* run(holds64, GP_CTR, START + 2, "the sequence while a reader holds");
  yield* k.store32(SRCU_SLOT.active.at(FIRST, index), 1);
  yield* run(bothHeldUp, "srcuAdvance", "srcuArm", START + 4);
  yield* k.store32(SRCU_SLOT.active.at(FIRST, index), 0);
  equal(yield* k.srcuStartPoll(D), START + 8, "srcuStartPoll after the flip");
  equal(yield* k.srcuLock(D, FIRST), 1 - index, "srcuLock after the flip");
  yield* k.srcuUnlock(D, FIRST, 1 - index);
  yield* k.store32(EVENT, 0);
  yield* k.store32(SLOT.waiting.at(SECOND), 0);
  yield* k.store32(SLOT.hurry.at(SECOND), 0);
  yield* run(srcuLeaves, index);
}

/** Leaves the section that is open, and once more with the count put back. */
function* srcuLeaves(index: number): Steps {
  const active = SRCU_SLOT.active.at(SECOND, index);
  yield* k.store32(active, 4);
  yield* run(reader, "srcuUnlock", SECOND, index);
  yield* run(holds, active, 1, "active after three times srcuUnlock");
  equal(yield* k.srcuLock(D, SECOND), 3 - index, "srcuLock of a marked slot");
  yield* k.store32(SRCU_SLOT.active.at(SECOND, 1 - index), 0);
  yield* k.store32(active, 0);
  yield* run(unarmed, "srcuArm");
  equal(yield* k.srcuAdvance(D, START + 4), 0, "srcuAdvance after the reader has left");
  yield* run(holds64, GP_CTR, START + 4, "the sequence after a grace period");
  equal(yield* k.srcuStartPoll(D), START + 8, "srcuStartPoll after a grace period");
}

/** A slot is in the way: it is found, and asked, to hurry only if that is wanted. */
function* heldUp(advance: string, arm: string, cookie: number, slot: number): Steps {
  equal(yield* run(drive, advance, cookie), slot, `${advance} with a reader in the way`);
  equal(yield* run(drive, arm, 0), slot, arm);
  yield* run(holds, SLOT.waiting.at(slot), 1, `waiting after ${arm}`);
  yield* run(holds, SLOT.hurry.at(slot), 0, `hurry after ${arm}`);
  equal(yield* run(drive, arm, 1), slot, `${arm} in a hurry`);
  yield* run(holds, SLOT.hurry.at(slot), 1, `hurry after ${arm} in a hurry`);
  const other = slot === FIRST ? SECOND : FIRST;
  yield* run(holds, SLOT.waiting.at(other), 0, "waiting of a slot that is not in the way");
}

/** Both slots are in the way: the first is found, both are asked. */
function* bothHeldUp(advance: string, arm: string, cookie: number): Steps {
  equal(yield* run(drive, advance, cookie), FIRST, `${advance} with two readers in the way`);
  equal(yield* run(drive, arm, 0), FIRST, `${arm} with two readers in the way`);
  equal(yield* run(drive, arm, 1), FIRST, `${arm} in a hurry with two readers in the way`);
  for (const slot of SLOTS) yield* run(holds, SLOT.hurry.at(slot), 1, "hurry of both");
}

/** No slot is in the way: none is asked. */
function* unarmed(arm: string): Steps {
  for (const slot of SLOTS) yield* k.store32(SLOT.waiting.at(slot), 0);
  equal(yield* run(drive, arm, 1), 0, `${arm} without a reader in the way`);
  for (const slot of SLOTS) yield* run(holds, SLOT.waiting.at(slot), 0, "waiting");
}

function* drive(name: string, argument: number): Steps<number> {
  if (name === "advance") return (yield* k.advance(D, argument)) >>> 0;
  if (name === "srcuAdvance") return (yield* k.srcuAdvance(D, argument)) >>> 0;
  return (name === "arm" ? yield* k.arm(D, argument) : yield* k.srcuArm(D, argument)) >>> 0;
}

/** One contract as a program of one thread. */
function contract(flavour: Flavour, script: () => Steps): Program {
  return { ...setting(flavour, START), threads: [{ name: "caller", script }] };
}

/** The contracts by name. */
export const contracts: Readonly<Record<string, Program>> = {
  "cells and pairs": contract("memb", cells),
  "readers": contract("memb", readers),
  "grace periods": contract("memb", gracePeriods),
  "srcu": contract("srcu", srcu),
  "slots": slotLife("memb"),
  "slots of SRCU": slotLife("srcu"),
};
