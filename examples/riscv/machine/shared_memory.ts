/**
 * The shared memory of a machine: what every context attaches to. The supervisor creates it, before
 * any other context exists.
 *
 * @module
 */

import { MmioChannel, type MmioChannelHandle } from "@guestmem/flatview";
import { GuestRam, type GuestRamHandle } from "@guestmem/ramblock";
import { Arena, type ArenaHandle, type DomainHandle, RcuDomain } from "@guestmem/rcu";
import { defineLayout } from "@guestmem/rcu/layout";
import { ACLINT } from "../devices/aclint.ts";
import { PLIC } from "../devices/plic.ts";
import { CLOCK } from "../signals/machine_clock.ts";

const ARENA_BYTES = 16 << 20;
const CONTEXTS = 32;
/** A window, and all that WebAssembly's 32-bit addresses reach. */
export const WINDOW_BYTES = 2 ** 32;

/** The structs that contexts share beside the packages' own. */
const BOARD = defineLayout({ clock: "u32", plic: "u32", aclint: "u32" });

/** What another context attaches with. Structured-cloneable. */
export interface SharedHandles {
  readonly arena: ArenaHandle;
  readonly domain: DomainHandle;
  readonly ram: GuestRamHandle;
  readonly channel: MmioChannelHandle;
  /** Offset of the table of shared structs. */
  readonly board: number;
  /** The buffer of each hart's `VcpuControl`. */
  readonly controls: readonly SharedArrayBuffer[];
}

/** A context's part of the shared memory. */
export interface SharedMemoryParts {
  readonly arena: Arena;
  readonly domain: RcuDomain;
  readonly ram: GuestRam;
  readonly channel: MmioChannel;
  readonly clock: number;
  readonly plic: number;
  readonly aclint: number;
}

/** The shared memory as its creator uses it, and what others attach with. */
export interface CreatedMemory extends SharedMemoryParts {
  readonly handles: SharedHandles;
}

/** Creates the shared memory. */
export function createSharedMemory(
  controls: readonly SharedArrayBuffer[],
  label: string,
): CreatedMemory {
  const arena = Arena.create({ bytes: ARENA_BYTES, contexts: CONTEXTS, label });
  const domain = RcuDomain.create(arena, { label: "machine" });
  const ram = GuestRam.create(domain, { bytes: WINDOW_BYTES });
  const channel = MmioChannel.create(arena, { contexts: CONTEXTS });
  const board = arena.allocate(BOARD.size, BOARD.alignment);
  const clock = arena.allocate(CLOCK.size, CLOCK.alignment);
  const plic = arena.allocate(PLIC.size, PLIC.alignment);
  const aclint = arena.allocate(ACLINT.size, ACLINT.alignment);
  BOARD.clock.set(arena.u32, board, clock);
  BOARD.plic.set(arena.u32, board, plic);
  BOARD.aclint.set(arena.u32, board, aclint);
  const handles: SharedHandles = {
    arena: arena.handle,
    domain: domain.handle,
    ram: ram.handle,
    channel: channel.handle,
    board,
    controls,
  };
  return { arena, domain, ram, channel, clock, plic, aclint, handles };
}

/** Attaches a context. */
export function attachSharedMemory(handles: SharedHandles, label: string): SharedMemoryParts {
  const arena = Arena.attach(handles.arena, { label });
  const { board } = handles;
  return {
    arena,
    domain: RcuDomain.attach(arena, handles.domain),
    ram: GuestRam.attach(arena, handles.ram),
    channel: MmioChannel.attach(arena, handles.channel),
    clock: BOARD.clock.get(arena.u32, board),
    plic: BOARD.plic.get(arena.u32, board),
    aclint: BOARD.aclint.get(arena.u32, board),
  };
}
