// The slots of readers.
//
// SLOT_OWNER says whose a slot is, and changes by compare-and-exchange alone: from 0 to the token of
// the context that claims it, and from that token to 0. What a free slot holds otherwise is whatever
// its last owner left, so nobody waits for a slot without an owner, and a claim clears it. So to end
// the sections of a dead context is to release its slots: nothing else in them is stored to by others,
// which might be late and hit whoever has claimed the slot since.

import {
  DOMAIN_SIZE,
  DOMAIN_SLOT_LIMIT,
  DOMAIN_SLOTS_USED,
  SLOT_CTR,
  SLOT_EXPELLED,
  SLOT_HURRY,
  SLOT_OWNER,
  SLOT_SIZE,
  SLOT_WAITING,
  SRCU_SLOT_ACTIVE,
  SRCU_SLOT_ACTIVE_STRIDE,
} from "./layouts";
import { wakeUpdaters } from "./wake.as";

/** Claims a slot for the context `token`. Returns it, or 0 if every slot has an owner. */
export function claimSlot(domain: usize, token: u32, srcu: u32): usize {
  const limit = load<u32>(domain, DOMAIN_SLOT_LIMIT);
  for (let index: u32 = 0; index < limit; index++) {
    const slot = slotAt(domain, index);
    if (atomic.cmpxchg<u32>(slot, 0, token, SLOT_OWNER) != 0) continue;
    clearSlot(slot, srcu);
    useSlots(domain, index + 1);
    // Between the first step and the clearing, an updater may have taken what the slot's last owner
    // left for a section, and have gone to sleep on it.
    wakeUpdaters(domain);
    return slot;
  }
  return 0;
}

function slotAt(domain: usize, index: u32): usize {
  return domain + DOMAIN_SIZE + usize(index) * SLOT_SIZE;
}

/** Zeroes the words of a slot that its reader and updaters store to, by stores of the same width. */
function clearSlot(slot: usize, srcu: u32): void {
  if (srcu) {
    atomic.store<u32>(slot, 0, SRCU_SLOT_ACTIVE);
    atomic.store<u32>(slot + SRCU_SLOT_ACTIVE_STRIDE, 0, SRCU_SLOT_ACTIVE);
  } else {
    atomic.store<u64>(slot, 0, SLOT_CTR);
  }
  atomic.store<u32>(slot, 0, SLOT_WAITING);
  atomic.store<u32>(slot, 0, SLOT_EXPELLED);
  atomic.store<u32>(slot, 0, SLOT_HURRY);
}

/**
 * Makes updaters scan at least `count` slots, and counts a claim. The claimed slot has its owner
 * already. So a release that finds the last slot in use without an owner, and then lowers the number,
 * fails if it has read the number before this exchange; and if it has read it afterwards, it finds the
 * owner.
 */
function useSlots(domain: usize, count: u32): void {
  while (true) {
    const seen = atomic.load<u64>(domain, DOMAIN_SLOTS_USED);
    const used = u32(seen) < count ? count : u32(seen);
    const next = u64(used) | (((seen >>> 32) + 1) << 32);
    if (atomic.cmpxchg<u64>(domain, seen, next, DOMAIN_SLOTS_USED) == seen) return;
  }
}

/** Spares updaters the slots at the end that have no owner. */
function spareSlots(domain: usize): void {
  while (true) {
    const seen = atomic.load<u64>(domain, DOMAIN_SLOTS_USED);
    const used = u32(seen);
    if (used == 0 || isOwned(slotAt(domain, used - 1))) return;
    atomic.cmpxchg<u64>(domain, seen, seen - 1, DOMAIN_SLOTS_USED);
  }
}

/**
 * Gives a slot back, if it belongs to the context `token`; returns whether it did. One step, which
 * names the owner: of several who release the slot of a dead context, one succeeds, and the others
 * leave alone whoever has claimed it since.
 */
export function releaseSlot(domain: usize, slot: usize, token: u32): u32 {
  if (atomic.cmpxchg<u32>(slot, token, 0, SLOT_OWNER) != token) return 0;
  spareSlots(domain);
  return 1;
}

/**
 * Gives back the slots of the context `token`, which runs no more, so that grace periods do not wait
 * for its sections; returns how many.
 */
export function evictSlots(domain: usize, token: u32): u32 {
  const limit = load<u32>(domain, DOMAIN_SLOT_LIMIT);
  let released: u32 = 0;
  for (let index: u32 = 0; index < limit; index++) {
    released += u32(atomic.cmpxchg<u32>(slotAt(domain, index), token, 0, SLOT_OWNER) == token);
  }
  spareSlots(domain);
  // Always: the dead context may have died when it had moved, and had not woken those who waited.
  wakeUpdaters(domain);
  return released;
}

/**
 * Marks the slots of the context `token`: its next `lock` or `quiescent` returns the mark. Wakes the
 * updaters, of which it may be one. A slot may have been released, and claimed by another context,
 * before the mark is stored: so the mark is a token, and counts for that context alone.
 */
export function expelSlots(domain: usize, token: u32): u32 {
  const limit = load<u32>(domain, DOMAIN_SLOT_LIMIT);
  let marked: u32 = 0;
  for (let index: u32 = 0; index < limit; index++) {
    const slot = slotAt(domain, index);
    if (atomic.load<u32>(slot, SLOT_OWNER) != token) continue;
    atomic.store<u32>(slot, token, SLOT_EXPELLED);
    marked++;
  }
  wakeUpdaters(domain);
  return marked;
}

/** Whether the mark in a slot of the context `token` is meant for it. Takes away one that is not. */
export function isExpelled(slot: usize, token: u32): u32 {
  while (true) {
    const mark = atomic.load<u32>(slot, SLOT_EXPELLED);
    if (mark == token) return 1;
    if (atomic.cmpxchg<u32>(slot, mark, 0, SLOT_EXPELLED) == mark) return 0;
  }
}

/** Whether a slot has an owner. Asked only of slots that seem to be in the way, and of the last. */
export function isOwned(slot: usize): bool {
  return atomic.load<u32>(slot, SLOT_OWNER) != 0;
}

/** The end of the slots that updaters scan. */
export function slotsEnd(domain: usize): usize {
  return slotAt(domain, u32(atomic.load<u64>(domain, DOMAIN_SLOTS_USED)));
}
