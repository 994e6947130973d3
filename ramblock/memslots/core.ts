/**
 * What one context has of the memslots that all contexts share.
 *
 * @module
 */

import { type Arena, type DomainHandle, Srcu } from "@guestmem/rcu";
import { ForeignRamError } from "../errors.ts";
import { type Kernel, kernelOf } from "../kernel/kernel.ts";
import { InvalidSlotError } from "./errors.ts";
import { CONTROL, CONTROL_BYTES, CONTROL_MAGIC, SHADOW } from "./layout.ts";
import { buildTable } from "./table.ts";

/** Options of {@linkcode Memslots.create}. */
export interface MemslotsOptions {
  /** The most slots at once; 32,764 unless given. */
  readonly limit?: number;
  /** log2 of the page size, from 12 to 16; 12 unless given. */
  readonly pageBits?: number;
}

/** What another context attaches with. Structured-cloneable. */
export interface MemslotsHandle {
  /** Tells it from other handles. */
  readonly kind: "guestmem-memslots";
  /** The `id` of the arena that the tables lie in. */
  readonly arena: string;
  /** The domain whose sections protect the tables. */
  readonly srcu: DomainHandle;
  /** Where the control block lies. */
  readonly offset: number;
}

/** The parts that lookups and batches work on. */
export interface SlotsCore {
  readonly arena: Arena;
  readonly srcu: Srcu;
  readonly handle: MemslotsHandle;
  readonly control: number;
  readonly pageBits: number;
  readonly limit: number;
  readonly kernel: Kernel;
}

/** Lays out empty memslots. */
export function createCore(srcu: Srcu, options: MemslotsOptions): SlotsCore {
  const { limit = 32764, pageBits = 12 } = options;
  if (!Number.isInteger(limit) || limit < 1 || limit > 2 ** 20) {
    throw new InvalidSlotError("the limit", limit, "an integer from 1 to 2^20");
  }
  if (!Number.isInteger(pageBits) || pageBits < 12 || pageBits > 16) {
    throw new InvalidSlotError("the page bits", pageBits, "an integer from 12 to 16");
  }
  const { arena } = srcu;
  const table = buildTable(arena, [], 1, 0);
  let control = 0;
  try {
    control = arena.allocate(CONTROL_BYTES, 64);
  } catch (error) {
    arena.free(table);
    throw error;
  }
  const put = (field: number, value: number) => arena.u32[(control + field) >>> 2] = value;
  put(CONTROL.ROOT, table);
  put(CONTROL.LIMIT, limit);
  put(CONTROL.PAGE_BITS, pageBits);
  put(CONTROL.MAGIC, CONTROL_MAGIC);
  return assemble(srcu, {
    kind: "guestmem-memslots",
    arena: arena.handle.id,
    srcu: srcu.handle,
    offset: control,
  });
}

/** Checks a handle against the arena. */
export function attachCore(arena: Arena, handle: MemslotsHandle): SlotsCore {
  const refuse = (reason: string): never => {
    throw new ForeignRamError("memslots", reason);
  };
  if (handle?.kind !== "guestmem-memslots") refuse("the handle is none of memslots");
  if (handle.arena !== arena.handle.id) refuse("the handle is of another arena");
  const { offset } = handle;
  const fits = Number.isInteger(offset) && offset % 64 === 0 && offset > 0 &&
    offset <= arena.u8.length - CONTROL_BYTES;
  if (!fits || arena.u32[(offset + CONTROL.MAGIC) >>> 2] !== CONTROL_MAGIC) {
    refuse(`no memslots lie at offset ${offset}`);
  }
  return assemble(Srcu.attach(arena, handle.srcu), handle);
}

function assemble(srcu: Srcu, handle: MemslotsHandle): SlotsCore {
  const { arena } = srcu;
  const control = handle.offset;
  return {
    arena,
    srcu,
    handle,
    control,
    pageBits: arena.u32[(control + CONTROL.PAGE_BITS) >>> 2]!,
    limit: arena.u32[(control + CONTROL.LIMIT) >>> 2]!,
    kernel: kernelOf(arena.memory),
  };
}

/** Calls `visit` for each shadow map, those without an owner included. */
export function forEachShadow(
  { arena, kernel, control }: SlotsCore,
  visit: (shadow: number) => void,
): void {
  let shadow = kernel.load32(control + CONTROL.SHADOWS) >>> 0;
  for (; shadow !== 0; shadow = arena.u32[(shadow + SHADOW.NEXT) >>> 2]!) visit(shadow);
}
