// The kernel of package rcu, in AssemblyScript: every ordered access of a hot path.
//
// WebAssembly has one memory order for atomics, sequential consistency, and inlines them; a call of
// JavaScript's `Atomics` costs two to three times as much. The order of the accesses of each
// function below is a protocol: `rcu/explore` runs these bytes in every order of their accesses.
//
// The constants come from `layouts.ts`: the build replaces that import by the constants of the layouts.

import {
  DOMAIN_EVENT,
  DOMAIN_GP_CTR,
  DOMAIN_GP_DONE,
  DOMAIN_SIZE,
  SLOT_CTR,
  SLOT_EXPELLED,
  SLOT_HURRY,
  SLOT_SIZE,
  SLOT_WAITING,
  SRCU_SLOT_ACTIVE,
  SRCU_SLOT_ACTIVE_STRIDE,
} from "./layouts";
import { isOwned, slotsEnd } from "./slots.as";
import { wakeUpdaters } from "./wake.as";

export { isPinned, joinContext, moveContext } from "./contexts.as";
export { addMember, dropMember, retireMember } from "./members.as";
export { mutexArm, mutexConsistent, mutexLock, mutexPassOn, mutexUnlock } from "./mutex.as";
export { claimSlot, evictSlots, expelSlots, isExpelled, releaseSlot } from "./slots.as";

// ---- plain cells ------------------------------------------------------------------------------

export function load32(cell: usize): u32 {
  return atomic.load<u32>(cell);
}

export function store32(cell: usize, value: u32): void {
  atomic.store<u32>(cell, value);
}

export function exchange32(cell: usize, value: u32): u32 {
  return atomic.xchg<u32>(cell, value);
}

export function compareExchange32(cell: usize, expected: u32, value: u32): u32 {
  return atomic.cmpxchg<u32>(cell, expected, value);
}

export function add32(cell: usize, value: u32): u32 {
  return atomic.add<u32>(cell, value);
}

export function load64(cell: usize): f64 {
  return f64(atomic.load<u64>(cell));
}

export function notify(cell: usize, count: i32): i32 {
  return atomic.notify(cell, count);
}

/** 0: notified, 1: the value differed, 2: timed out. A negative timeout waits for ever. */
export function wait32(cell: usize, expected: i32, milliseconds: f64): i32 {
  return atomic.wait<i32>(cell, expected, milliseconds < 0 ? -1 : i64(milliseconds * 1e6));
}

// ---- a pair of words as one -------------------------------------------------------------------

let second: u32 = 0;

export function pairLoad(cell: usize): u32 {
  const both = atomic.load<u64>(cell);
  second = u32(both >>> 32);
  return u32(both);
}

/** The second half of this instance's last `pairLoad`. Only one thread runs an instance. */
export function pairSecond(): u32 {
  return second;
}

/** 1 if the pair is (first, other), else 0. */
export function pairIs(cell: usize, first: u32, other: u32): u32 {
  return u32(atomic.load<u64>(cell) == (u64(first) | (u64(other) << 32)));
}

export function pairStore(cell: usize, first: u32, other: u32): void {
  atomic.store<u64>(cell, u64(first) | (u64(other) << 32));
}

// ---- RCU read side ----------------------------------------------------------------------------

/**
 * Enters a section of the memory-barrier flavour. The section is entered even if the slot is marked as
 * expelled: then this returns the token in the mark, see `isExpelled`.
 */
export function lock(domain: usize, slot: usize): u32 {
  atomic.store<u64>(slot, atomic.load<u64>(domain, DOMAIN_GP_CTR), SLOT_CTR);
  return atomic.load<u32>(slot, SLOT_EXPELLED);
}

/** Leaves a section, or goes offline in the QSBR flavour. */
export function unlock(domain: usize, slot: usize): void {
  atomic.store<u64>(slot, 0, SLOT_CTR);
  if (atomic.load<u32>(slot, SLOT_WAITING)) signal(domain, slot);
}

/**
 * A whole section: lock, dereference the cell, read one word of the block, unlock. -1 if the slot is
 * marked as expelled, -2 if the cell holds no block.
 */
export function readWord(domain: usize, slot: usize, cell: usize, offset: usize): f64 {
  atomic.store<u64>(slot, atomic.load<u64>(domain, DOMAIN_GP_CTR), SLOT_CTR);
  const block = atomic.load<u32>(cell);
  const value = block ? f64(load<u32>(usize(block) + offset)) : -2;
  atomic.store<u64>(slot, 0, SLOT_CTR);
  if (atomic.load<u32>(slot, SLOT_WAITING)) signal(domain, slot);
  return atomic.load<u32>(slot, SLOT_EXPELLED) ? -1 : value;
}

/** Reports a quiescent state of the QSBR flavour. Returns as `lock` does. */
export function quiescent(domain: usize, slot: usize): u32 {
  atomic.store<u64>(slot, atomic.load<u64>(domain, DOMAIN_GP_CTR), SLOT_CTR);
  if (atomic.load<u32>(slot, SLOT_WAITING)) signal(domain, slot);
  return atomic.load<u32>(slot, SLOT_EXPELLED);
}

/** Wakes the updaters that armed this slot: its reader has moved. */
function signal(domain: usize, slot: usize): void {
  // Clear before counting. An updater that arms between the two has read DOMAIN_EVENT before it armed,
  // so the add below keeps it from sleeping on a request that is cleared already.
  //
  // SLOT_WAITING first, in the order in which `ask` sets SLOT_HURRY first: then no request to hurry
  // outlives its updater. Say SLOT_HURRY is set and no `ask` is under way. The `ask` that set it has
  // set SLOT_WAITING since. Either that is still set, and the next move comes here; or a call of this
  // function has cleared it since, and is about to clear SLOT_HURRY. In the other order, an `ask` whose
  // two stores lie on both sides of ours would leave SLOT_HURRY set with nobody waiting.
  //
  // The price: a request that is made between these two stores is lost. Its reader has just moved, so
  // it holds up nobody, and an updater that waits for its next section asks again before it sleeps.
  atomic.store<u32>(slot, 0, SLOT_WAITING);
  atomic.store<u32>(slot, 0, SLOT_HURRY);
  wakeUpdaters(domain);
}

// ---- RCU grace periods ------------------------------------------------------------------------

/** The cookie of the first grace period that starts after this call. */
export function startPoll(domain: usize): f64 {
  return f64(atomic.load<u64>(domain, DOMAIN_GP_CTR) + 1);
}

/**
 * Starts, observes and completes grace periods until number `cookie` is over, and returns 0; or
 * returns the slot of a reader that is in the way. Any number of contexts may do so at once and any
 * may die half-way: each scans for itself, and the two counters move by compare-and-exchange.
 * Completing a grace period wakes nobody: each sleeper has armed a reader that was in its way, and
 * that reader's signal wakes it.
 */
export function advance(domain: usize, cookie: f64): usize {
  const goal = u64(cookie);
  while (true) {
    const done = atomic.load<u64>(domain, DOMAIN_GP_DONE);
    if (done >= goal) return 0;
    const current = atomic.load<u64>(domain, DOMAIN_GP_CTR);
    if (current == done) {
      atomic.cmpxchg<u64>(domain, current, current + 1, DOMAIN_GP_CTR);
      continue;
    }
    const slot = firstHolder(domain, current);
    if (slot) return slot;
    atomic.cmpxchg<u64>(domain, done, current, DOMAIN_GP_DONE);
  }
}

function firstHolder(domain: usize, current: u64): usize {
  const end = slotsEnd(domain);
  for (let slot = domain + DOMAIN_SIZE; slot < end; slot += SLOT_SIZE) {
    if (holds(slot, current)) return slot;
  }
  return 0;
}

function holds(slot: usize, current: u64): bool {
  const ctr = atomic.load<u64>(slot, SLOT_CTR);
  return ctr != 0 && ctr < current && isOwned(slot);
}

/**
 * Asks every reader that holds up the grace period in progress to signal when it moves; with `hurry`,
 * also to hurry. Returns the slot of a reader that still held it up after it had been asked, or 0.
 * That reader finds the request when it moves, so a caller that has read DOMAIN_EVENT before may sleep
 * on it.
 */
export function arm(domain: usize, hurry: u32): usize {
  const current = atomic.load<u64>(domain, DOMAIN_GP_CTR);
  const end = slotsEnd(domain);
  let holder: usize = 0;
  for (let slot = domain + DOMAIN_SIZE; slot < end; slot += SLOT_SIZE) {
    if (!holds(slot, current)) continue;
    ask(slot, hurry);
    if (!holder && holds(slot, current)) holder = slot;
  }
  return holder;
}

function ask(slot: usize, hurry: u32): void {
  // SLOT_HURRY before SLOT_WAITING: see `signal`.
  if (hurry) atomic.store<u32>(slot, 1, SLOT_HURRY);
  atomic.store<u32>(slot, 1, SLOT_WAITING);
  if (hurry) atomic.notify(slot + SLOT_HURRY, -1);
}

// ---- SRCU -------------------------------------------------------------------------------------
//
// DOMAIN_GP_CTR holds the sequence: 4n idle after n grace periods, 4n+1 draining the index that is not
// current, 4n+2 flipped and draining the index that was. The current index follows from it, so the
// flip and the step from 4n+1 to 4n+2 are one store.

function indexOf(sequence: u64): usize {
  return usize(((sequence + 2) >>> 2) & 1);
}

/** Enters a section; returns its index, plus 2 if the slot is marked as expelled. */
export function srcuLock(domain: usize, slot: usize): u32 {
  const index = indexOf(atomic.load<u64>(domain, DOMAIN_GP_CTR));
  atomic.add<u32>(slot + (index << 2), 1, SRCU_SLOT_ACTIVE);
  return u32(index) | (u32(atomic.load<u32>(slot, SLOT_EXPELLED) != 0) << 1);
}

/** Leaves a section. */
export function srcuUnlock(domain: usize, slot: usize, index: u32): void {
  atomic.sub<u32>(slot + (usize(index) << 2), 1, SRCU_SLOT_ACTIVE);
  if (atomic.load<u32>(slot, SLOT_WAITING)) signal(domain, slot);
}

/** The sequence at which a grace period that starts after this call is over. */
export function srcuStartPoll(domain: usize): f64 {
  return f64((atomic.load<u64>(domain, DOMAIN_GP_CTR) + 7) & ~u64(3));
}

/** As `advance`: 0 once the sequence has reached `cookie`, or the slot that is in the way. */
export function srcuAdvance(domain: usize, cookie: f64): usize {
  const goal = u64(cookie);
  while (true) {
    const sequence = atomic.load<u64>(domain, DOMAIN_GP_CTR);
    if (sequence >= goal) return 0;
    let next = sequence + 1;
    if (sequence & 3) {
      const slot = srcuHolder(domain, drained(sequence));
      if (slot) return slot;
      if (sequence & 2) next = sequence + 2;
    }
    atomic.cmpxchg<u64>(domain, sequence, next, DOMAIN_GP_CTR);
  }
}

/** In both phases, the index that new readers do not take. */
function drained(sequence: u64): usize {
  return indexOf(sequence) ^ 1;
}

function srcuHolder(domain: usize, index: usize): usize {
  const end = slotsEnd(domain);
  for (let slot = domain + DOMAIN_SIZE; slot < end; slot += SLOT_SIZE) {
    if (active(slot, index)) return slot;
  }
  return 0;
}

/** As `arm`. */
export function srcuArm(domain: usize, hurry: u32): usize {
  const index = drained(atomic.load<u64>(domain, DOMAIN_GP_CTR));
  const end = slotsEnd(domain);
  let holder: usize = 0;
  for (let slot = domain + DOMAIN_SIZE; slot < end; slot += SLOT_SIZE) {
    if (!active(slot, index)) continue;
    ask(slot, hurry);
    if (!holder && active(slot, index)) holder = slot;
  }
  return holder;
}

function active(slot: usize, index: usize): bool {
  return atomic.load<u32>(slot + (index << 2), SRCU_SLOT_ACTIVE) != 0 && isOwned(slot);
}
