/**
 * The reader slots of a domain: workers that read claim and release them, and whoever drives a grace
 * period scans them.
 *
 * @module
 */

import type { SharedMemory } from "../arena/allocator.ts";
import { type Arena, coreOf } from "../arena/arena.ts";
import { encodeLabel, loadLabel, storeLabel } from "../arena/label.ts";
import { RcuError } from "../errors/rcu_error.ts";
import { instantiateKernel, type Kernel } from "../kernel/kernel.ts";
import { DOMAIN, SLOT, SRCU_SLOT } from "../kernel/layouts.ts";
import { localReader } from "../sync/waiting.ts";

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

/** A slot that this context has claimed. */
export interface ClaimedSlot {
  /** The arena, as this context attached to it. */
  readonly arena: Arena;
  /** The domain's offset. */
  readonly domain: number;
  /** The slot's offset. */
  readonly slot: number;
  /** The reader's label. */
  readonly label: string;
}

function slotAt(domain: number, index: number): number {
  return domain + DOMAIN.size + index * SLOT.size;
}

/**
 * Claims a free slot for this context, which has none in this domain yet.
 *
 * @throws {RcuError} `ALREADY_REGISTERED`: this context has a reader in this domain.
 * @throws {RcuError} `READER_LIMIT`: no slot is free.
 * @throws {RcuError} `LABEL_TOO_LONG`: the label has more than 32 bytes of UTF-8. Nothing is
 * claimed.
 * @throws {EvictedError} If this context was evicted or has closed the arena.
 */
export function claimSlot(
  arena: Arena,
  domain: number,
  flavour: Flavour,
  label: string,
): ClaimedSlot {
  const registered = localReader(arena, domain);
  if (registered) throw new RcuError("ALREADY_REGISTERED", { label: registered.label });
  const kernel = instantiateKernel(arena.memory);
  const limit = DOMAIN.slotLimit.get(arena.u32, domain);
  const text = encodeLabel(label, SLOT);
  // Evictions hold the lock too. Without it, a slot that its worker gives up while it is evicted
  // could be claimed here before the evictor's last store to it.
  const slot = coreOf(arena).locked(() => claimFree(kernel, domain, limit, arena.token));
  if (slot === 0) {
    throw new RcuError("READER_LIMIT", { limit, evicted: countEvicted(kernel, domain, limit) });
  }
  SLOT.flavour.set(arena.u32, slot, FLAVOURS.indexOf(flavour));
  storeLabel(arena, SLOT, slot, text);
  return { arena, domain, slot, label };
}

function claimFree(kernel: Kernel, domain: number, limit: number, token: number): number {
  for (let index = 0; index < limit; index++) {
    const slot = slotAt(domain, index);
    if (kernel.compareExchange32(SLOT.owner.at(slot), 0, token) !== 0) continue;
    // An updater that scans the slot now finds a reader that is not in a section.
    clearSlot(kernel, slot);
    raise(kernel, DOMAIN.slotsUsed.at(domain), index + 1);
    return slot;
  }
  return 0;
}

/** Zeroes the words of a slot that its reader, updaters and evictions store to. */
function clearSlot(kernel: Kernel, slot: number): void {
  endSections(kernel, slot);
  kernel.store32(SLOT.waiting.at(slot), 0);
  kernel.store32(SLOT.evicted.at(slot), 0);
  kernel.store32(SLOT.hurry.at(slot), 0);
}

/** Zeroes both halves of an RCU slot's `ctr`, which are the two counts of an SRCU slot. */
function endSections(kernel: Kernel, slot: number): void {
  kernel.store32(SRCU_SLOT.active.at(slot, 0), 0);
  kernel.store32(SRCU_SLOT.active.at(slot, 1), 0);
}

/** Raises a shared word to at least `value`. */
function raise(kernel: Kernel, word: number, value: number): void {
  for (;;) {
    const seen = kernel.load32(word);
    if (seen >= value || kernel.compareExchange32(word, seen, value) === seen) return;
  }
}

function countEvicted(kernel: Kernel, domain: number, limit: number): number {
  let evicted = 0;
  for (let index = 0; index < limit; index++) {
    evicted += kernel.load32(SLOT.evicted.at(slotAt(domain, index)));
  }
  return evicted;
}

/**
 * Gives a slot back. Only the worker that owns it may, and only outside its sections; or anyone, once
 * that worker has certainly stopped.
 */
export function releaseSlot(memory: SharedMemory, domain: number, slot: number): void {
  const kernel = instantiateKernel(memory.memory);
  clearSlot(kernel, slot);
  // The next owner may claim it from here on.
  kernel.store32(SLOT.owner.at(slot), 0);
  // An evicted SRCU reader that lived may have counted its slot's zeroed sections below zero.
  wake(kernel, domain);
}

/** Wakes every sleeping updater, to look again. */
function wake(kernel: Kernel, domain: number): void {
  const event = DOMAIN.event.at(domain);
  kernel.add32(event, 1);
  kernel.notify(event, -1);
}

/** The slots that contexts own, evicted ones included. */
export function claimedSlots(memory: SharedMemory, domain: number): number[] {
  const kernel = instantiateKernel(memory.memory);
  const used = kernel.load32(DOMAIN.slotsUsed.at(domain));
  const slots = Array.from({ length: used }, (_, index) => slotAt(domain, index));
  return slots.filter((slot) => kernel.load32(SLOT.owner.at(slot)) !== 0);
}

/** Names the reader of a slot. */
export function nameReader(memory: SharedMemory, slot: number): ReaderName {
  const kernel = instantiateKernel(memory.memory);
  return {
    label: loadLabel(memory, SLOT, slot),
    token: kernel.load32(SLOT.owner.at(slot)) >>> 0,
    flavour: FLAVOURS[SLOT.flavour.get(memory.u32, slot)] ?? "memb",
    slot,
  };
}

/** The slots that one context owns. */
function slotsOf(memory: SharedMemory, domain: number, token: number): number[] {
  const kernel = instantiateKernel(memory.memory);
  return claimedSlots(memory, domain).filter((slot) => {
    return kernel.load32(SLOT.owner.at(slot)) >>> 0 === token;
  });
}

/** Gives back the evicted slots of a context that has certainly stopped. @returns How many. */
export function releaseEvicted(memory: SharedMemory, domain: number, token: number): number {
  const kernel = instantiateKernel(memory.memory);
  const evicted = slotsOf(memory, domain, token).filter((slot) => {
    return kernel.load32(SLOT.evicted.at(slot)) !== 0;
  });
  for (const slot of evicted) releaseSlot(memory, domain, slot);
  return evicted.length;
}

/**
 * Ends the sections of a context that is gone, so that grace periods no longer wait for it. Its
 * slots rest: if the context is alive after all, it may still store to them.
 *
 * @returns The readers evicted.
 */
export function evictSlots(memory: SharedMemory, domain: number, token: number): ReaderName[] {
  const kernel = instantiateKernel(memory.memory);
  const owned = slotsOf(memory, domain, token);
  for (const slot of owned) {
    kernel.store32(SLOT.evicted.at(slot), 1);
    endSections(kernel, slot);
  }
  wake(kernel, domain);
  return owned.map((slot) => nameReader(memory, slot));
}
