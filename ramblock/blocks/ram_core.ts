/**
 * One context's part of the guest RAM that all contexts share.
 *
 * @module
 */

import {
  type Arena,
  type BlockAllocator,
  type DomainHandle,
  RcuDomain,
  RcuList,
  type Reclaimer,
} from "@guestmem/rcu";
import { growDirty } from "../dirty/grow_dirty.ts";
import { RamBlockError } from "../errors/ramblock_error.ts";
import { type Kernel, kernelOf } from "../kernel/kernel.ts";
import { RAM } from "../kernel/layouts.ts";
import type { BufferWindow } from "../windows/ram_window.ts";
import { reserveWindows, windowBits, Windows } from "../windows/windows.ts";
import { HOST_BUFFERS } from "./host_addresses.ts";

/** What `RAM.magic` holds. */
const RAM_MAGIC = 0x524d4c31;

/** Another context attaches to guest RAM with it. Structured-cloneable. */
export interface GuestRamHandle {
  /** Distinguishes it from other handles. */
  readonly kind: "guestmem-ram";
  /** The `id` of the arena in which the tables lie. */
  readonly arena: string;
  /** The domain whose grace periods protect the blocks. */
  readonly domain: DomainHandle;
  /** Offset of the tables in the arena. */
  readonly offset: number;
  /** The windows. */
  readonly windows: readonly WebAssembly.Memory[];
}

/** A caller's buffer as one context attached it. */
export interface AttachedBuffer {
  /** Views over the whole buffer. */
  readonly window: BufferWindow;
  /** Where in it the block begins. */
  readonly byteOffset: number;
}

/** What guest RAM needs of the arena: memory, and who else uses it. */
export interface RamArena extends BlockAllocator {
  /** Names this context. */
  readonly token: number;
  /** The contexts that are attached, or were. */
  contexts(): readonly { readonly token: number; readonly state: string }[];
}

/** What lookups and changes work on. */
export interface RamCore {
  readonly arena: RamArena;
  readonly reclaimer: Reclaimer;
  /** The `RAM` struct. */
  readonly ram: number;
  readonly kernel: Kernel;
  readonly list: RcuList;
  readonly windows: Windows;
  /** By block id: ids never repeat, so an entry cannot be mistaken for a later block's. */
  readonly buffers: Map<number, AttachedBuffer>;
}

/** A core with the domain and the handle that it was made from. */
export interface AttachedRam {
  readonly core: RamCore;
  readonly domain: RcuDomain;
  readonly handle: GuestRamHandle;
}

/** Reserves the windows and lays out the tables. */
export function createRam(
  domain: RcuDomain,
  options: {
    readonly bytes: number;
    readonly windowBytes?: number;
    readonly pageBits?: number;
    readonly dirtyChunkPages?: number;
  },
): AttachedRam {
  const { bytes, pageBits = 12, windowBytes = 2 ** 32, dirtyChunkPages = 2 ** 18 } = options;
  const chunkBits = checkSizes(pageBits, dirtyChunkPages);
  const bits = windowBits(windowBytes);
  const windows = reserveWindows(bytes, bits);
  const { arena } = domain;
  const { u32 } = arena;
  const ram = arena.allocate(RAM.size, RAM.alignment);
  let list: RcuList | undefined;
  try {
    list = RcuList.create(arena);
    RAM.nextId.set(u32, ram, 1);
    RAM.list.set(u32, ram, list.offset);
    RAM.pageBits.set(u32, ram, pageBits);
    RAM.chunkBits.set(u32, ram, chunkBits);
    RAM.windowBits.set(u32, ram, bits);
    RAM.windows.set(u32, ram, windows.length);
    RAM.nextHost.set(u32, ram, HOST_BUFFERS);
    growDirty(arena, domain, ram, 0);
    RAM.magic.set(u32, ram, RAM_MAGIC);
  } catch (error) {
    if (list) arena.free(list.offset);
    arena.free(ram);
    throw error;
  }
  const { handle: { id } } = arena;
  const handle = { kind: "guestmem-ram", arena: id, domain: domain.handle, offset: ram } as const;
  return assemble(domain, { ...handle, windows });
}

/** Checks the sizes of pages and chunks; log2 of the pages in a chunk. */
function checkSizes(pageBits: number, dirtyChunkPages: number): number {
  if (!Number.isInteger(pageBits) || pageBits < 12 || pageBits > 16) {
    throw new RamBlockError("INVALID_LENGTH", {
      what: "the number of page bits",
      value: pageBits,
      requirement: "an integer from 12 to 16",
    });
  }
  const chunkBits = Math.log2(dirtyChunkPages);
  if (!Number.isInteger(chunkBits) || chunkBits < 6 || chunkBits > 30) {
    throw new RamBlockError("INVALID_LENGTH", {
      what: "the pages of a dirty chunk",
      value: dirtyChunkPages,
      requirement: "a power of two from 64 to 2^30",
    });
  }
  return chunkBits;
}

/** Checks a handle against the arena, and attaches to its domain and its RAM. */
export function attachRam(arena: Arena, handle: GuestRamHandle): AttachedRam {
  const refuse = (reason: string): never => {
    throw new RamBlockError("FOREIGN_HANDLE", { what: "guest RAM", reason });
  };
  if (handle?.kind !== "guestmem-ram") refuse("the handle is not one of guest RAM");
  if (handle.arena !== arena.handle.id) refuse("the handle belongs to another arena");
  const { offset } = handle;
  const fits = Number.isInteger(offset) && offset % RAM.alignment === 0 && offset > 0 &&
    offset <= arena.u8.length - RAM.size;
  if (!fits || RAM.magic.get(arena.u32, offset) !== RAM_MAGIC) {
    refuse(`no guest RAM lies at offset ${offset}`);
  }
  if (handle.windows?.length !== RAM.windows.get(arena.u32, offset)) {
    refuse("the handle does not have all windows");
  }
  return assemble(RcuDomain.attach(arena, handle.domain), handle);
}

function assemble(domain: RcuDomain, handle: GuestRamHandle): AttachedRam {
  const { arena } = domain;
  const ram = handle.offset;
  const core: RamCore = {
    arena,
    reclaimer: domain,
    ram,
    kernel: kernelOf(arena.memory),
    list: RcuList.attach(arena, RAM.list.get(arena.u32, ram)),
    windows: new Windows(handle.windows, RAM.windowBits.get(arena.u32, ram)),
    buffers: new Map(),
  };
  return { core, domain, handle };
}
