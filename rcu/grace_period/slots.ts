/**
 * The reader slots of a domain: claimed and released by the workers that read, scanned by whoever
 * drives a grace period.
 *
 * @module
 */

import { type Arena, coreOf } from "../arena/arena.ts";
import { RcuError } from "../errors/rcu_error.ts";
import { encodeLabel, loadLabel, storeLabel } from "./label.ts";
import {
  EVENT,
  LABEL_BYTES,
  SLOT_ACTIVE,
  SLOT_BYTES,
  SLOT_EVICTED,
  SLOT_FLAVOUR,
  SLOT_HURRY,
  SLOT_LABEL,
  SLOT_LIMIT,
  SLOT_OWNER,
  SLOT_WAITING,
  SLOTS,
  SLOTS_USED,
} from "./layout.ts";

/** How a reader reports that it references nothing. */
export type Flavour = "memb" | "qsbr" | "srcu";

const FLAVOURS: readonly Flavour[] = ["memb", "qsbr", "srcu"];

/** A reader as reports name it. */
export interface ReaderName {
  /** The label given at registration. */
  readonly label: string;
  /** Owner token of the context that registered it. */
  readonly token: number;
  /** How it reports quiescent states. */
  readonly flavour: Flavour;
  /** Offset of its slot in the arena. */
  readonly slot: number;
}

/**
 * Claims a free slot for the calling context.
 *
 * @returns The slot's offset.
 * @throws {RcuError} `READER_LIMIT`: if no slot is free.
 * @throws {RcuError} `LABEL_TOO_LONG`: if the label has more than 32 bytes of UTF-8; nothing is claimed.
 * @throws {EvictedError} If this context was evicted or has closed the arena.
 */
export function claimSlot(arena: Arena, domain: number, flavour: Flavour, label: string): number {
  const limit = arena.u32[(domain + SLOT_LIMIT) >>> 2]!;
  const text = encodeLabel(label, LABEL_BYTES);
  // Evictions hold the lock too. Without it, a slot that its worker gives up while it is evicted
  // could be claimed here before the evictor's last store to it.
  const slot = coreOf(arena).locked(() => claimFree(arena, domain, limit));
  if (slot === 0) {
    throw new RcuError("READER_LIMIT", { limit, evicted: countEvicted(arena, domain, limit) });
  }
  arena.u32[(slot + SLOT_FLAVOUR) >>> 2] = FLAVOURS.indexOf(flavour);
  storeLabel(arena.u8, slot + SLOT_LABEL, text);
  return slot;
}

function claimFree(arena: Arena, domain: number, limit: number): number {
  for (let index = 0; index < limit; index++) {
    const slot = domain + SLOTS + index * SLOT_BYTES;
    if (arena.kernel.compareExchange32(slot + SLOT_OWNER, 0, arena.token) !== 0) continue;
    // An updater that scans the slot now finds a reader that is not in a section.
    clearSlot(arena, slot);
    raise(arena, domain + SLOTS_USED, index + 1);
    return slot;
  }
  return 0;
}

/** Zeroes the words of a slot that its reader, updaters and evictions store to. */
function clearSlot(arena: Arena, slot: number): void {
  for (const word of [SLOT_ACTIVE, SLOT_ACTIVE + 4, SLOT_WAITING, SLOT_EVICTED, SLOT_HURRY]) {
    arena.kernel.store32(slot + word, 0);
  }
}

/** Raises a shared word to at least `value`. */
function raise(arena: Arena, word: number, value: number): void {
  for (;;) {
    const seen = arena.kernel.load32(word);
    if (seen >= value || arena.kernel.compareExchange32(word, seen, value) === seen) return;
  }
}

function countEvicted(arena: Arena, domain: number, limit: number): number {
  let evicted = 0;
  for (let index = 0; index < limit; index++) {
    evicted += arena.kernel.load32(domain + SLOTS + index * SLOT_BYTES + SLOT_EVICTED);
  }
  return evicted;
}

/**
 * Gives a slot back. Only the worker that owns it may, and only outside its sections; or anyone, once
 * that worker has certainly stopped.
 */
export function releaseSlot(arena: Arena, domain: number, slot: number): void {
  clearSlot(arena, slot);
  // The next owner may claim it from here on.
  arena.kernel.store32(slot + SLOT_OWNER, 0);
  // An evicted SRCU reader that lived may have counted its slot's zeroed sections below zero.
  wake(arena, domain);
}

/** Wakes every sleeping updater, to look again. */
function wake(arena: Arena, domain: number): void {
  arena.kernel.add32(domain + EVENT, 1);
  arena.kernel.notify(domain + EVENT, -1);
}

/** The slots that contexts own, evicted ones included. */
export function claimedSlots(arena: Arena, domain: number): number[] {
  const used = arena.kernel.load32(domain + SLOTS_USED);
  const slots = Array.from({ length: used }, (_, index) => domain + SLOTS + index * SLOT_BYTES);
  return slots.filter((slot) => arena.kernel.load32(slot + SLOT_OWNER) !== 0);
}

/** Names the reader of a slot. */
export function nameReader(arena: Arena, slot: number): ReaderName {
  return {
    label: loadLabel(arena.u8, slot + SLOT_LABEL),
    token: arena.kernel.load32(slot + SLOT_OWNER) >>> 0,
    flavour: FLAVOURS[arena.u32[(slot + SLOT_FLAVOUR) >>> 2]!] ?? "memb",
    slot,
  };
}

/** The slots that one context owns. */
function slotsOf(arena: Arena, domain: number, token: number): number[] {
  return claimedSlots(arena, domain).filter((slot) => {
    return arena.kernel.load32(slot + SLOT_OWNER) >>> 0 === token;
  });
}

/** Gives back the evicted slots of a context that has certainly stopped. @returns How many. */
export function releaseEvicted(arena: Arena, domain: number, token: number): number {
  const evicted = slotsOf(arena, domain, token).filter((slot) => {
    return arena.kernel.load32(slot + SLOT_EVICTED) !== 0;
  });
  for (const slot of evicted) releaseSlot(arena, domain, slot);
  return evicted.length;
}

/**
 * Ends the sections of a context that is gone, so that grace periods no longer wait for it. Its
 * slots rest: if the context lives after all, it may still store to them.
 *
 * @returns The readers evicted.
 */
export function evictSlots(arena: Arena, domain: number, token: number): ReaderName[] {
  const { kernel } = arena;
  const owned = slotsOf(arena, domain, token);
  for (const slot of owned) {
    kernel.store32(slot + SLOT_EVICTED, 1);
    kernel.store32(slot + SLOT_ACTIVE, 0);
    kernel.store32(slot + SLOT_ACTIVE + 4, 0);
  }
  wake(arena, domain);
  return owned.map((slot) => nameReader(arena, slot));
}
