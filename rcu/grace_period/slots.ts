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
import { DOMAIN, SLOT } from "../kernel/layouts.ts";
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
  const text = encodeLabel(label, SLOT);
  // Evictions hold the lock too. Without it, a slot that its worker gives up while it is evicted
  // could be claimed here before the evictor's last store to it.
  const srcu = flavour === "srcu" ? 1 : 0;
  const slot = coreOf(arena).locked(() => kernel.claimSlot(domain, arena.token, srcu) >>> 0);
  if (slot === 0) {
    const limit = DOMAIN.slotLimit.get(arena.u32, domain);
    throw new RcuError("READER_LIMIT", { limit, evicted: countEvicted(kernel, domain, limit) });
  }
  SLOT.flavour.set(arena.u32, slot, FLAVOURS.indexOf(flavour));
  storeLabel(arena, SLOT, slot, text);
  return { arena, domain, slot, label };
}

function countEvicted(kernel: Kernel, domain: number, limit: number): number {
  let evicted = 0;
  for (let index = 0; index < limit; index++) {
    evicted += kernel.load32(SLOT.evicted.at(slotAt(domain, index)));
  }
  return evicted;
}

/**
 * Gives a slot back, if it still belongs to the context `token`. Only that context's worker may, and
 * only outside its sections; or anyone, once the worker has certainly stopped.
 *
 * @returns Whether it did.
 */
export function releaseSlot(
  memory: SharedMemory,
  domain: number,
  slot: number,
  token: number,
): boolean {
  return instantiateKernel(memory.memory).releaseSlot(domain, slot, token) !== 0;
}

/** The slots that contexts own, evicted ones included. */
export function claimedSlots(memory: SharedMemory, domain: number): number[] {
  const kernel = instantiateKernel(memory.memory);
  const length = DOMAIN.slotLimit.get(memory.u32, domain);
  const slots = Array.from({ length }, (_, index) => slotAt(domain, index));
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

/**
 * Gives back the evicted slots of a context that has certainly stopped.
 *
 * @returns How many. Each slot counts for one of those who release it at once.
 */
export function releaseEvicted(memory: SharedMemory, domain: number, token: number): number {
  const kernel = instantiateKernel(memory.memory);
  const evicted = claimedSlots(memory, domain).filter((slot) => {
    return kernel.load32(SLOT.owner.at(slot)) >>> 0 === token &&
      kernel.load32(SLOT.evicted.at(slot)) !== 0;
  });
  return evicted.filter((slot) => releaseSlot(memory, domain, slot, token)).length;
}

/**
 * Ends the sections of a context that is gone, so that grace periods no longer wait for it. Its
 * slots rest: if the context is alive after all, it may still store to them.
 *
 * @returns How many readers it has.
 */
export function evictSlots(
  memory: SharedMemory,
  domain: number,
  token: number,
  srcu: boolean,
): number {
  return instantiateKernel(memory.memory).evictSlots(domain, token, srcu ? 1 : 0);
}
