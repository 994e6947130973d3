/**
 * One context's part of the memslots that all contexts share.
 *
 * @module
 */

import {
  type Arena,
  type BlockAllocator,
  type ContextInfo,
  type DomainHandle,
  Srcu,
} from "@guestmem/rcu";
import { RamBlockError } from "../errors/ramblock_error.ts";
import { type Kernel, kernelOf } from "../kernel/kernel.ts";
import { MEMSLOTS, SHADOW } from "../kernel/layouts.ts";
import { buildTable } from "./slot_table.ts";

/** What `MEMSLOTS.magic` holds. */
const MEMSLOTS_MAGIC = 0x4d534c54;

/** Another context attaches to memslots with it. Structured-cloneable. */
export interface MemslotsHandle {
  /** Distinguishes it from other handles. */
  readonly kind: "guestmem-memslots";
  /** The `id` of the arena in which the tables lie. */
  readonly arena: string;
  /** The domain whose sections protect the tables. */
  readonly srcu: DomainHandle;
  /** Offset of the `MEMSLOTS` struct in the arena. */
  readonly offset: number;
}

/** What memslots need of the arena: memory, and who else uses it. */
export interface SlotsArena extends BlockAllocator {
  /** Names this context. */
  readonly token: number;
  /** The contexts that are attached, or were. */
  contexts(): readonly {
    readonly token: number;
    readonly label: string;
    readonly state: ContextInfo["state"];
  }[];
}

/** What memslots need of the SRCU domain that protects their tables. */
export interface SlotsDomain {
  /** Waits for a grace period. */
  synchronizeSrcu(options?: { readonly hurry?: boolean }): void;
  /** Waits for a grace period without blocking the thread. */
  synchronizeSrcuAsync(): Promise<void>;
  /** Frees a block of the arena after a grace period. */
  deferFree(block: number): void;
}

/** What lookups and batches work on. */
export interface SlotsCore {
  readonly arena: SlotsArena;
  readonly srcu: SlotsDomain;
  /** The `MEMSLOTS` struct. */
  readonly memslots: number;
  readonly pageBits: number;
  readonly limit: number;
  readonly kernel: Kernel;
}

/** A core with the domain and the handle that it was made from. */
export interface AttachedSlots {
  readonly core: SlotsCore;
  readonly srcu: Srcu;
  readonly handle: MemslotsHandle;
}

/** Lays out empty memslots. */
export function createSlots(
  srcu: Srcu,
  { limit = 32764, pageBits = 12 }: { readonly limit?: number; readonly pageBits?: number },
): AttachedSlots {
  const demand = (
    what: string,
    value: number,
    most: number,
    least: number,
    requirement: string,
  ) => {
    if (Number.isInteger(value) && value >= least && value <= most) return;
    throw new RamBlockError("INVALID_SLOT", { what, value, requirement });
  };
  demand("the limit", limit, 2 ** 20, 1, "an integer from 1 to 2^20");
  demand("the page bits", pageBits, 16, 12, "an integer from 12 to 16");
  const { arena } = srcu;
  const table = buildTable(arena, [], 1, 0);
  let memslots = 0;
  try {
    memslots = arena.allocate(MEMSLOTS.size, MEMSLOTS.alignment);
  } catch (error) {
    arena.free(table);
    throw error;
  }
  MEMSLOTS.root.set(arena.u32, memslots, table);
  MEMSLOTS.limit.set(arena.u32, memslots, limit);
  MEMSLOTS.pageBits.set(arena.u32, memslots, pageBits);
  MEMSLOTS.magic.set(arena.u32, memslots, MEMSLOTS_MAGIC);
  return assemble(srcu, {
    kind: "guestmem-memslots",
    arena: arena.handle.id,
    srcu: srcu.handle,
    offset: memslots,
  });
}

/** Checks a handle against the arena, and attaches to its domain and its slots. */
export function attachSlots(arena: Arena, handle: MemslotsHandle): AttachedSlots {
  const refuse = (reason: string): never => {
    throw new RamBlockError("FOREIGN_HANDLE", { what: "memslots", reason });
  };
  if (handle?.kind !== "guestmem-memslots") refuse("the handle is not one of memslots");
  if (handle.arena !== arena.handle.id) refuse("the handle belongs to another arena");
  const { offset } = handle;
  const fits = Number.isInteger(offset) && offset % MEMSLOTS.alignment === 0 && offset > 0 &&
    offset <= arena.u8.length - MEMSLOTS.size;
  if (!fits || MEMSLOTS.magic.get(arena.u32, offset) !== MEMSLOTS_MAGIC) {
    refuse(`no memslots lie at offset ${offset}`);
  }
  return assemble(Srcu.attach(arena, handle.srcu), handle);
}

function assemble(srcu: Srcu, handle: MemslotsHandle): AttachedSlots {
  const { arena } = srcu;
  const memslots = handle.offset;
  const core: SlotsCore = {
    arena,
    srcu,
    memslots,
    pageBits: MEMSLOTS.pageBits.get(arena.u32, memslots),
    limit: MEMSLOTS.limit.get(arena.u32, memslots),
    kernel: kernelOf(arena.memory),
  };
  return { core, srcu, handle };
}

/** Calls `visit` for each shadow map, including those without an owner. */
export function forEachShadow(
  { arena, kernel, memslots }: SlotsCore,
  visit: (shadow: number) => void,
): void {
  let shadow = kernel.load32(MEMSLOTS.shadows.at(memslots)) >>> 0;
  for (; shadow !== 0; shadow = SHADOW.next.get(arena.u32, shadow)) visit(shadow);
}
