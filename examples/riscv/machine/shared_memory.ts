/**
 * What the contexts of a machine share before there is a machine. The supervisor creates it.
 *
 * @module
 */

import { Arena, type ArenaHandle, type DomainHandle, RcuDomain } from "@guestmem/rcu";
import { defineLayout } from "@guestmem/rcu/layout";
import { ACLINT } from "../devices/aclint.ts";
import { PLIC } from "../devices/plic.ts";
import { CLOCK } from "../signals/machine_clock.ts";

const ARENA_BYTES = 16 << 20;
const CONTEXTS = 32;

/** Where the structs are that all harts share. */
const BOARD = defineLayout({ clock: "u32", plic: "u32", aclint: "u32" });

/** What every worker is posted. */
export interface SharedHandles {
  readonly arena: ArenaHandle;
  readonly domain: DomainHandle;
  /** The buffer of each hart's `VcpuControl`. */
  readonly controls: readonly SharedArrayBuffer[];
  /** For {@linkcode boardStructs}. */
  readonly board: number;
}

/** Offsets in the arena of the structs that all harts share. */
export interface BoardStructs {
  /** A `CLOCK`. */
  readonly clock: number;
  /** A `PLIC`. */
  readonly plic: number;
  /** An `ACLINT`. */
  readonly aclint: number;
}

/** The shared memory as its creator uses it. */
export interface SharedMemoryParts extends BoardStructs {
  readonly arena: Arena;
  readonly domain: RcuDomain;
  readonly handles: SharedHandles;
}

/** Creates the shared memory. */
export function createSharedMemory(
  controls: readonly SharedArrayBuffer[],
  label: string,
): SharedMemoryParts {
  const arena = Arena.create({ bytes: ARENA_BYTES, contexts: CONTEXTS, label });
  const domain = RcuDomain.create(arena, { label: "machine" });
  const board = arena.allocate(BOARD.size, BOARD.alignment);
  BOARD.clock.set(arena.u32, board, arena.allocate(CLOCK.size, CLOCK.alignment));
  BOARD.plic.set(arena.u32, board, arena.allocate(PLIC.size, PLIC.alignment));
  BOARD.aclint.set(arena.u32, board, arena.allocate(ACLINT.size, ACLINT.alignment));
  const handles = { arena: arena.handle, domain: domain.handle, controls, board };
  return { arena, domain, handles, ...boardStructs(arena, handles) };
}

/** The structs that all harts share. */
export function boardStructs({ u32 }: Arena, { board }: SharedHandles): BoardStructs {
  return {
    clock: BOARD.clock.get(u32, board),
    plic: BOARD.plic.get(u32, board),
    aclint: BOARD.aclint.get(u32, board),
  };
}
