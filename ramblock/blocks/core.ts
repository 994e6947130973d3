/**
 * What one context has of the guest RAM that all contexts share.
 *
 * @module
 */

import { type Arena, type DomainHandle, RcuDomain, RcuList } from "@guestmem/rcu";
import { growDirty } from "../dirty/grow.ts";
import { ForeignRamError, InvalidLengthError } from "../errors.ts";
import { type Kernel, kernelOf } from "../kernel/kernel.ts";
import type { BufferMemory } from "../windows/guest_memory.ts";
import { reserveWindows, windowBits, Windows } from "../windows/windows.ts";
import { HOST_BUFFERS, RAM, RAM_BYTES, RAM_MAGIC, storeNumber } from "./layout.ts";

/** Options of {@linkcode GuestRam.create}. */
export interface GuestRamOptions {
  /** Bytes of all windows, a multiple of 64 KiB. Reserved at once, committed when touched. */
  readonly bytes: number;
  /** Bytes of a window, a power of two from 64 KiB to 4 GiB; 4 GiB unless given. */
  readonly windowBytes?: number;
  /** log2 of the page size, from 12 to 16; 12 unless given. */
  readonly pageBits?: number;
  /** Pages in a chunk of the dirty bitmaps, a power of two from 64; 2^18 unless given. */
  readonly dirtyChunkPages?: number;
}

/** What another context attaches with. Structured-cloneable. */
export interface GuestRamHandle {
  /** Tells it from other handles. */
  readonly kind: "guestmem-ram";
  /** The `id` of the arena that the tables lie in. */
  readonly arena: string;
  /** The domain whose grace periods protect the blocks. */
  readonly domain: DomainHandle;
  /** Where the tables begin. */
  readonly offset: number;
  /** The windows. */
  readonly windows: readonly WebAssembly.Memory[];
}

/** A caller's buffer as one context attached it. */
export interface AttachedBuffer {
  /** Views over the whole buffer. */
  readonly memory: BufferMemory;
  /** Where in it the block begins. */
  readonly byteOffset: number;
}

/** The parts that lookups and changes work on. */
export interface RamCore {
  readonly arena: Arena;
  readonly domain: RcuDomain;
  readonly handle: GuestRamHandle;
  /** The block of the RamList, see `RAM`. */
  readonly ram: number;
  readonly kernel: Kernel;
  readonly list: RcuList;
  readonly windows: Windows;
  /** By block id: ids never repeat, so an entry cannot be mistaken for a later block's. */
  readonly buffers: Map<number, AttachedBuffer>;
}

/** Reserves the windows and lays out the tables. */
export function createCore(domain: RcuDomain, options: GuestRamOptions): RamCore {
  const { bytes, pageBits = 12, windowBytes = 2 ** 32, dirtyChunkPages = 2 ** 18 } = options;
  const chunkBits = checkSizes(pageBits, dirtyChunkPages);
  const bits = windowBits(windowBytes);
  const windows = reserveWindows(bytes, bits);
  const { arena } = domain;
  const ram = arena.allocate(RAM_BYTES, 64);
  let list: RcuList | undefined;
  try {
    list = RcuList.create(arena);
    const put = (field: number, value: number) => arena.u32[(ram + field) >>> 2] = value;
    put(RAM.NEXT_ID, 1);
    put(RAM.LIST, list.offset);
    put(RAM.PAGE_BITS, pageBits);
    put(RAM.CHUNK_BITS, chunkBits);
    put(RAM.WINDOW_BITS, bits);
    put(RAM.WINDOWS, windows.length);
    storeNumber(arena.u32, ram + RAM.NEXT_HOST, HOST_BUFFERS);
    growDirty(arena, domain, ram, 0);
    put(RAM.MAGIC, RAM_MAGIC);
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
    throw new InvalidLengthError("the number of page bits", pageBits, "an integer from 12 to 16");
  }
  const chunkBits = Math.log2(dirtyChunkPages);
  if (!Number.isInteger(chunkBits) || chunkBits < 6 || chunkBits > 30) {
    const requirement = "a power of two from 64 to 2^30";
    throw new InvalidLengthError("the pages of a dirty chunk", dirtyChunkPages, requirement);
  }
  return chunkBits;
}

/** Checks a handle against the arena. */
export function attachCore(arena: Arena, handle: GuestRamHandle): RamCore {
  const refuse = (reason: string): never => {
    throw new ForeignRamError("guest RAM", reason);
  };
  if (handle?.kind !== "guestmem-ram") refuse("the handle is none of guest RAM");
  if (handle.arena !== arena.handle.id) refuse("the handle is of another arena");
  const { offset } = handle;
  const fits = Number.isInteger(offset) && offset % 64 === 0 && offset > 0 &&
    offset <= arena.u8.length - RAM_BYTES;
  if (!fits || arena.u32[(offset + RAM.MAGIC) >>> 2] !== RAM_MAGIC) {
    refuse(`no guest RAM lies at offset ${offset}`);
  }
  if (handle.windows?.length !== arena.u32[(offset + RAM.WINDOWS) >>> 2]) {
    refuse("the handle has not all windows");
  }
  return assemble(RcuDomain.attach(arena, handle.domain), handle);
}

function assemble(domain: RcuDomain, handle: GuestRamHandle): RamCore {
  const { arena } = domain;
  const ram = handle.offset;
  return {
    arena,
    domain,
    handle,
    ram,
    kernel: kernelOf(arena.memory),
    list: RcuList.attach(arena, arena.u32[(ram + RAM.LIST) >>> 2]!),
    windows: new Windows(handle.windows, arena.u32[(ram + RAM.WINDOW_BITS) >>> 2]!),
    buffers: new Map(),
  };
}
