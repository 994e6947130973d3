/**
 * Guest RAM as any worker sees it: finding blocks and accessing their memory.
 *
 * @module
 */

import {
  type Arena,
  type BlockAllocator,
  type RcuDomain,
  RcuError,
  type ReadGuard,
} from "@guestmem/rcu";
import { exactNumber, invalidAddress, isAddress, lookupAddress } from "../address/exact_number.ts";
import { DirtyMemory } from "../dirty/dirty_memory.ts";
import { RamBlockError } from "../errors/ramblock_error.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { BLOCK, RAM } from "../kernel/layouts.ts";
import type { RamWindow } from "../windows/ram_window.ts";
import { attachBuffer } from "./attached_buffers.ts";
import { BlockMemory } from "./block_memory.ts";
import { findRange } from "./block_range.ts";
import { encodeName, hasName, type RamBlock, readName, readRecord } from "./block_record.ts";
import {
  type AttachedRam,
  attachRam,
  createRam,
  type GuestRamHandle,
  type RamCore,
} from "./ram_core.ts";

/** Gives the package's other modules the core of guest RAM. */
export let coreOf: (ram: GuestRam) => RamCore;

/**
 * Guest RAM, shared by workers: blocks in windows that every worker has from the start, so that a
 * block that is plugged in later is visible to all of them at once, with no message.
 *
 * A **block** is a number that `find...` returns. It, its memory and every view of it are valid until
 * the outermost section ends; keep its `id` across sections. An address is a ram_addr_t, linear over
 * all windows: a number or a bigint, up to 2^53 - 1.
 *
 * @example
 * ```ts
 * import { Arena, RcuDomain } from "@guestmem/rcu";
 * import { GuestRam, RamList } from "@guestmem/ramblock";
 * import { assertEquals } from "@std/assert";
 *
 * const domain = RcuDomain.create(Arena.create({ bytes: 1 << 20 }));
 * const ram = GuestRam.create(domain, { bytes: 8 * 2 ** 30 });
 * const blocks = new RamList(ram);
 * blocks.addAnonymous({ name: "pc.ram", length: 6 * 2 ** 30 });
 *
 * // In any worker, with `GuestRam.attach(arena, ram.handle)`:
 * const reader = domain.register();
 * const guard = reader.lock();
 * const address = 5 * 2 ** 30;
 * const block = ram.find(guard, address);
 * const window = ram.locate(block, address - ram.offsetOf(block));
 * window.store64(ram.at, 0xdead, 0xbeef);
 * assertEquals([window.load64(ram.at), window.upper], [0xdead, 0xbeef]);
 * guard.unlock();
 * ```
 */
export class GuestRam {
  /** Another context attaches with it. Structured-cloneable. */
  readonly handle: GuestRamHandle;
  /** The domain whose sections protect blocks and their memory. */
  readonly domain: RcuDomain;
  /** Which pages were written. */
  readonly dirty: DirtyMemory;
  readonly #core: RamCore;
  readonly #arena: BlockAllocator;
  readonly #kernel: Kernel;
  readonly #u32: Uint32Array;
  readonly #ram: number;
  readonly #memory: BlockMemory;

  static {
    coreOf = (ram) => ram.#core;
  }

  private constructor({ core, domain, handle }: AttachedRam) {
    this.handle = handle;
    this.domain = domain;
    this.dirty = new DirtyMemory(domain.arena, core.ram, domain);
    this.#core = core;
    this.#arena = core.arena;
    this.#kernel = core.kernel;
    this.#u32 = core.arena.u32;
    this.#ram = core.ram;
    this.#memory = new BlockMemory(core);
  }

  /**
   * Reserves guest RAM. It has no blocks yet.
   *
   * @param domain The domain whose grace periods protect the blocks; its arena holds the tables.
   * @param options Sizes.
   * @throws {RamBlockError} INVALID_LENGTH; WINDOW_REFUSED if the host refuses a window.
   * @throws {ArenaExhaustedError} If the arena has no room for the tables.
   */
  static create(
    domain: RcuDomain,
    options: {
      /** Bytes of all windows, a multiple of 64 KiB. Reserved at once, committed when touched. */
      readonly bytes: number;
      /** Bytes of a window, a power of two from 64 KiB to 4 GiB. Default: 4 GiB. */
      readonly windowBytes?: number;
      /** log2 of the page size, from 12 to 16. Default: 12. */
      readonly pageBits?: number;
      /** Pages in a chunk of the dirty bitmaps, a power of two from 64. Default: 2^18. */
      readonly dirtyChunkPages?: number;
    },
  ): GuestRam {
    return new GuestRam(createRam(domain, options));
  }

  /**
   * Attaches this context to guest RAM that another one created.
   *
   * @param arena The arena, as this context attached to it.
   * @param handle The guest RAM's `handle`.
   * @throws {RamBlockError} FOREIGN_HANDLE.
   */
  static attach(arena: Arena, handle: GuestRamHandle): GuestRam {
    return new GuestRam(attachRam(arena, handle));
  }

  /**
   * The block that has a ram_addr_t. O(1) while lookups stay in one block, else O(blocks).
   *
   * @param guard An open section of the domain.
   * @param address The ram_addr_t.
   * @returns The block, valid until the outermost section ends; 0 if none has the address.
   * @throws {RamBlockError} INVALID_ADDRESS.
   */
  find(guard: ReadGuard, address: number | bigint): number {
    if (this.#arena.debug) this.#check(guard);
    if (typeof address === "bigint") return this.find(guard, exactNumber(address));
    if (!isAddress(address)) throw invalidAddress(address);
    return this.#kernel.findBlock(this.#ram, address) >>> 0;
  }

  /**
   * The block that has a name. O(blocks).
   *
   * @param guard An open section of the domain.
   * @returns The block, valid until the outermost section ends; 0 if none has the name.
   * @throws {RamBlockError} INVALID_NAME if no block can have the name.
   */
  findByName(guard: ReadGuard, name: string): number {
    const wanted = encodeName(name);
    const { list, arena } = this.#core;
    let block = list.first(guard);
    while (block !== 0 && !hasName(arena, block, wanted)) block = list.next(guard, block);
    return block;
  }

  /**
   * The block that has a host address; the offset in it is `host - hostOf(block)`.
   *
   * @param guard An open section of the domain.
   * @param host A host address, as in `hostOf` and in memslots.
   * @returns The block, valid until the outermost section ends; 0 if none has it.
   * @throws {RamBlockError} INVALID_ADDRESS.
   */
  findByHost(guard: ReadGuard, host: number | bigint): number {
    this.#check(guard);
    return this.#kernel.findHost(this.#ram, lookupAddress(host)) >>> 0;
  }

  /** The first block, or 0. They are sorted by falling maximum length. */
  first(guard: ReadGuard): number {
    return this.#core.list.first(guard);
  }

  /** The block behind one that was found in the same section, or 0. */
  next(guard: ReadGuard, block: number): number {
    return this.#core.list.next(guard, block);
  }

  /** Changes whenever a block is added or removed: caches compare it, inside a section. */
  version(guard: ReadGuard): number {
    this.#check(guard);
    return this.#kernel.load32(RAM.version.at(this.#ram)) >>> 0;
  }

  /** The id of a block: never repeats. */
  idOf(block: number): number {
    return BLOCK.id.get(this.#u32, block);
  }

  /** The name of a block. */
  nameOf(block: number): string {
    return readName(this.#arena, block);
  }

  /** The ram_addr_t at which a block begins. */
  offsetOf(block: number): number {
    return BLOCK.offset.get(this.#u32, block);
  }

  /** The host address at which a block begins. */
  hostOf(block: number): number {
    return BLOCK.host.get(this.#u32, block);
  }

  /** Bytes of a block that are in use now. */
  usedLengthOf(block: number): number {
    return this.#kernel.usedLength(block);
  }

  /** Bytes that a block can be resized to. */
  maxLengthOf(block: number): number {
    return BLOCK.maxLength.get(this.#u32, block);
  }

  /** The mask of the clients whose dirty logging is on for a block. */
  logMaskOf(block: number): number {
    return this.#kernel.load32(BLOCK.logMask.at(block));
  }

  /** A copy of a block's record. */
  describe(block: number): RamBlock {
    return { ...readRecord(this.#arena, block), usedLength: this.usedLengthOf(block) };
  }

  /**
   * The memory behind an offset in a block. It sets `at` to the byte's offset in that memory, and
   * `contiguous` to the number of bytes of the block from there on that lie in it.
   *
   * @param block A block found in the current section.
   * @param offset Offset in the block, in bytes.
   * @returns A window or a caller's buffer: the same object each time for each of them.
   * @throws {RamBlockError} OUT_OF_BLOCK if the offset is not below the used length;
   * BUFFER_NOT_ATTACHED if the block lives in a buffer that this context has not attached.
   */
  locate(block: number, offset: number): RamWindow {
    return this.#memory.locate(block, offset);
  }

  /** Byte offset in the memory that the last `locate` of this object returned. */
  get at(): number {
    return this.#memory.at;
  }

  /** Bytes in use from `at` on, up to the end of the window. */
  get contiguous(): number {
    return this.#memory.contiguous;
  }

  /**
   * A typed view of a block's memory. Allocates; on hot paths use `locate`.
   *
   * @param guard An open section of the domain.
   * @param type The class of the view: `Uint32Array` for instance, or `DataView`.
   * @param address The ram_addr_t of the first byte.
   * @param length How many elements; bytes for a `DataView`.
   * @returns A view, to be dropped when the outermost section ends.
   * @throws {RamBlockError} OUT_OF_BLOCK if no block has all of it; WINDOW_BOUNDARY if it would span two
   * windows; BUFFER_NOT_ATTACHED; INVALID_ADDRESS.
   * @throws {RangeError} If the address is not aligned as the type needs.
   */
  view<T>(
    guard: ReadGuard,
    type: {
      readonly BYTES_PER_ELEMENT?: number;
      new (buffer: SharedArrayBuffer, byteOffset: number, length: number): T;
    },
    address: number | bigint,
    length: number,
  ): T {
    const bytes = length * (type.BYTES_PER_ELEMENT ?? 1);
    const at = lookupAddress(address);
    const { block, offset } = findRange(this, guard, at, bytes);
    const window = this.locate(block, offset);
    const { at: byteOffset, contiguous } = this.#memory;
    if (bytes > contiguous) {
      throw new RamBlockError("WINDOW_BOUNDARY", { address: at, length: bytes, contiguous });
    }
    return new type(window.buffer, byteOffset, length);
  }

  /**
   * Copies guest memory out, across windows if necessary.
   *
   * @param guard An open section of the domain.
   * @param address The ram_addr_t of the first byte.
   * @param into Destination; it is filled completely.
   * @throws {RamBlockError} OUT_OF_BLOCK if no block has all of it; BUFFER_NOT_ATTACHED; INVALID_ADDRESS.
   * Nothing is copied.
   */
  read(guard: ReadGuard, address: number | bigint, into: Uint8Array): void {
    const range = findRange(this, guard, lookupAddress(address), into.length);
    this.#memory.read(range, into);
  }

  /**
   * Copies into guest memory, across windows if necessary, and then marks the pages dirty for the
   * clients whose logging is on for the block. The block is looked up once: a block that is removed
   * during the call gets all of the data and all of the marks.
   *
   * @param guard An open section of the domain.
   * @param address The ram_addr_t of the first byte.
   * @param from Source.
   * @throws {RamBlockError} OUT_OF_BLOCK if no block has all of it; BUFFER_NOT_ATTACHED; INVALID_ADDRESS.
   * Nothing is copied.
   */
  write(guard: ReadGuard, address: number | bigint, from: Uint8Array): void {
    const first = lookupAddress(address);
    const range = findRange(this, guard, first, from.length);
    this.#memory.write(range, from);
    this.dirty.markRange(guard, first, from.length, this.logMaskOf(range.block));
  }

  /**
   * Attaches the caller's buffer of a block in this context, so that `locate` finds it here.
   *
   * @param guard An open section of the domain.
   * @param id The block's id.
   * @param buffer The memory that the block was added with, as it was posted to this context.
   * @param byteOffset Where in it the block begins.
   * @throws {RamBlockError} UNKNOWN_BLOCK; INVALID_BUFFER if the block has no buffer, or this one is too
   * small.
   */
  attachBuffer(guard: ReadGuard, id: number, buffer: SharedArrayBuffer, byteOffset = 0): void {
    attachBuffer(this.#core, guard, id, buffer, byteOffset);
  }

  /** Drops an attached buffer. It is not dropped automatically when the block is removed. */
  detachBuffer(id: number): void {
    this.#core.buffers.delete(id);
  }

  #check(guard: ReadGuard): void {
    if (this.#arena.debug && !guard.open) {
      throw new RcuError("SECTION_CLOSED", { action: "look up RAM blocks" });
    }
  }
}
