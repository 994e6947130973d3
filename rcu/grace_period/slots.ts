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
import { instantiateKernel } from "../kernel/kernel.ts";
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
 * @throws {EvictedError} If this context was expelled or has closed the arena.
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
  coreOf(arena).checkAttached();
  const srcu = flavour === "srcu" ? 1 : 0;
  const slot = kernel.claimSlot(domain, arena.token, srcu) >>> 0;
  if (slot === 0) {
    const limit = DOMAIN.slotLimit.get(arena.u32, domain);
    throw new RcuError("READER_LIMIT", { limit, expelled: countExpelled(arena, domain) });
  }
  SLOT.flavour.set(arena.u32, slot, FLAVOURS.indexOf(flavour));
  storeLabel(arena, SLOT, slot, text);
  return { arena, domain, slot, label };
}

function countExpelled(arena: Arena, domain: number): number {
  const { contexts } = coreOf(arena);
  const owners = claimedSlots(arena, domain).map((slot) => ownerOf(arena, slot));
  return owners.filter((owner) => contexts.stateOf(owner) === "expelled").length;
}

/** Token of the context that owns a slot, or 0. */
export function ownerOf(memory: SharedMemory, slot: number): number {
  return instantiateKernel(memory.memory).load32(SLOT.owner.at(slot)) >>> 0;
}

/** The slots that contexts own. */
export function claimedSlots(memory: SharedMemory, domain: number): number[] {
  const length = DOMAIN.slotLimit.get(memory.u32, domain);
  const slots = Array.from({ length }, (_, index) => slotAt(domain, index));
  return slots.filter((slot) => ownerOf(memory, slot) !== 0);
}

/** Names the reader of a slot. */
export function nameReader(memory: SharedMemory, slot: number): ReaderName {
  return {
    label: loadLabel(memory, SLOT, slot),
    token: ownerOf(memory, slot),
    flavour: FLAVOURS[SLOT.flavour.get(memory.u32, slot)] ?? "memb",
    slot,
  };
}

/**
 * Gives back the slot of a context that has left its sections.
 *
 * @returns Whether it was the context's.
 */
export function releaseSlot({ arena, domain, slot }: ClaimedSlot): boolean {
  return instantiateKernel(arena.memory).releaseSlot(domain, slot, arena.token) !== 0;
}
