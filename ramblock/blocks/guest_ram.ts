/**
 * Guest RAM as any worker sees it: finding blocks and reaching their memory.
 *
 * @module
 */

import { type Arena, type RcuDomain, RcuError, type ReadGuard } from "@guestmem/rcu";
import { DirtyMemory } from "../dirty/dirty_memory.ts";
import {
  BufferNotAttachedError,
  InvalidAddressError,
  OutOfRamBlockError,
  WindowBoundaryError,
} from "../errors.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { GuestMemory } from "../windows/guest_memory.ts";
import { attachBuffer } from "./buffers.ts";
import {
  attachCore,
  createCore,
  type GuestRamHandle,
  type GuestRamOptions,
  type RamCore,
} from "./core.ts";
import { BLOCK, KIND, loadNumber, RAM } from "./layout.ts";
import { encodeName, hasName, type RamBlock, readName, readRecord } from "./records.ts";

/** Gives the package's own modules what users do not see. */
export let coreOf: (ram: GuestRam) => RamCore;

/** Makes a typed array over a part of a buffer: `Uint8Array`, `Float64Array`, `DataView`, ... */
export interface ViewType<T> {
  /** Bytes of an element. */
  readonly BYTES_PER_ELEMENT?: number;
  /** Makes the view. */
  new (buffer: SharedArrayBuffer, byteOffset: number, length: number): T;
}

/**
 * Guest RAM, shared by workers: blocks in windows that every worker has from the start, so that a
 * block that is plugged in later is visible to all of them at once, with no message.
 *
 * A **block** is named by a number that `find...` returns. It, its memory and every view of it are
 * valid until the outermost section ends; keep its `id` across sections. Addresses are ram_addr_t:
 * numbers below 2^53, linear over all windows.
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
 * const section = reader.lock();
 * const address = 5 * 2 ** 30;
 * const block = ram.find(section, address);
 * const memory = ram.locate(block, address - ram.offsetOf(block));
 * memory.store64(ram.at, 0xdead, 0xbeef);
 * assertEquals([memory.load64(ram.at), memory.upper], [0xdead, 0xbeef]);
 * section.unlock();
 * ```
 */
export class GuestRam {
  /** What another context attaches with. Structured-cloneable. */
  readonly handle: GuestRamHandle;
  /** The arena of the tables, as this context attached to it. */
  readonly arena: Arena;
  /** The domain whose sections protect blocks and their memory. */
  readonly domain: RcuDomain;
  /** Which pages were written. */
  readonly dirty: DirtyMemory;
  readonly #core: RamCore;
  readonly #kernel: Kernel;
  readonly #u32: Uint32Array;
  readonly #ram: number;
  #at = 0;
  #contiguous = 0;

  static {
    coreOf = (ram) => ram.#core;
  }

  private constructor(core: RamCore) {
    this.handle = core.handle;
    this.arena = core.arena;
    this.domain = core.domain;
    this.dirty = new DirtyMemory(core.arena, core.ram);
    this.#core = core;
    this.#kernel = core.kernel;
    this.#u32 = core.arena.u32;
    this.#ram = core.ram;
  }

  /**
   * Reserves guest RAM. It has no blocks yet.
   *
   * @param domain The domain whose grace periods protect the blocks; its arena holds the tables.
   * @param options Sizes.
   * @throws {InvalidLengthError} If a size does not serve.
   * @throws {WindowReservationError} If the host refuses a window.
   * @throws {ArenaExhaustedError} If the arena has no room for the tables.
   */
  static create(domain: RcuDomain, options: GuestRamOptions): GuestRam {
    return new GuestRam(createCore(domain, options));
  }

  /**
   * Attaches this context to guest RAM that another one created.
   *
   * @param arena The arena, as this context attached to it.
   * @param handle The guest RAM's `handle`.
   * @throws {ForeignRamError} If the handle does not fit.
   */
  static attach(arena: Arena, handle: GuestRamHandle): GuestRam {
    return new GuestRam(attachCore(arena, handle));
  }

  /**
   * The block that holds a ram_addr_t. O(1) while lookups stay in one block, else O(blocks).
   *
   * @param section An open section of the domain.
   * @param address The ram_addr_t.
   * @returns The block, valid until the outermost section ends; 0 if none holds the address.
   * @throws {InvalidAddressError} If it is no integer from 0 to 2^53 - 1.
   */
  find(section: ReadGuard, address: number): number {
    if (this.arena.debug) this.#check(section);
    if (!(address >= 0 && address <= Number.MAX_SAFE_INTEGER)) {
      throw new InvalidAddressError(address);
    }
    return this.#kernel.findBlock(this.#ram, address) >>> 0;
  }

  /**
   * The block that has a name. O(blocks).
   *
   * @param section An open section of the domain.
   * @returns The block, valid until the outermost section ends; 0 if none has the name.
   * @throws {InvalidNameError} If no block can have the name.
   */
  findByName(section: ReadGuard, name: string): number {
    const wanted = encodeName(name);
    const { list, arena } = this.#core;
    let block = list.first(section);
    while (block !== 0 && !hasName(arena, block, wanted)) block = list.next(section, block);
    return block;
  }

  /**
   * The block that holds a host position; the offset in it is `host - hostOf(block)`.
   *
   * @param section An open section of the domain.
   * @param host A host position, as `hostOf` and memslots have it.
   * @returns The block, valid until the outermost section ends; 0 if none holds it.
   * @throws {InvalidAddressError} If it is no integer from 0 to 2^53 - 1.
   */
  findByHost(section: ReadGuard, host: number): number {
    this.#check(section);
    if (!(host >= 0 && host <= Number.MAX_SAFE_INTEGER)) throw new InvalidAddressError(host);
    return this.#kernel.findHost(this.#ram, host) >>> 0;
  }

  /** The first block, or 0. They are sorted by falling maximum length. */
  first(section: ReadGuard): number {
    return this.#core.list.first(section);
  }

  /** The block behind one that was found in the same section, or 0. */
  next(section: ReadGuard, block: number): number {
    return this.#core.list.next(section, block);
  }

  /** How often blocks were added or removed: whoever caches compares it, inside a section. */
  version(section: ReadGuard): number {
    this.#check(section);
    return this.#kernel.load32(this.#ram + RAM.VERSION) >>> 0;
  }

  /** The id of a block: never repeats. */
  idOf(block: number): number {
    return this.#u32[(block + BLOCK.ID) >>> 2]!;
  }

  /** The name of a block. */
  nameOf(block: number): string {
    return readName(this.#u32, this.arena.u8, block);
  }

  /** The ram_addr_t at which a block begins. */
  offsetOf(block: number): number {
    return loadNumber(this.#u32, block + BLOCK.OFFSET);
  }

  /** The host position at which a block begins. */
  hostOf(block: number): number {
    return loadNumber(this.#u32, block + BLOCK.HOST);
  }

  /** Bytes of a block that are in use now. */
  usedLengthOf(block: number): number {
    return this.#kernel.usedLength(block);
  }

  /** Bytes that a block can have at most. */
  maxLengthOf(block: number): number {
    return loadNumber(this.#u32, block + BLOCK.MAX_LENGTH);
  }

  /** A copy of all that is known of a block. */
  describe(block: number): RamBlock {
    return { ...readRecord(this.arena, block), usedLength: this.usedLengthOf(block) };
  }

  /**
   * The memory behind an offset in a block. Where in it the byte lies is then in `at`, and how many
   * bytes of the block follow one another from there in `contiguous`.
   *
   * @param block A block found in the current section.
   * @param offset Offset in the block, in bytes.
   * @returns A window or a caller's buffer: the same object each time for each of them.
   * @throws {OutOfRamBlockError} If the offset is not below the used length.
   * @throws {BufferNotAttachedError} If the block lives in a buffer that this context has not.
   */
  locate(block: number, offset: number): GuestMemory {
    const left = this.#kernel.usedLength(block) - offset;
    if (!(offset >= 0 && left > 0)) this.#refuse(block, offset, 1);
    const kind = this.#u32[(block + BLOCK.KIND) >>> 2]!;
    if (kind === KIND.PREALLOCATED || kind === KIND.EXTERNAL) {
      const attached = this.#core.buffers.get(this.idOf(block));
      if (!attached) throw new BufferNotAttachedError(this.idOf(block));
      this.#at = attached.byteOffset + offset;
      this.#contiguous = left;
      return attached.memory;
    }
    const { windows } = this.#core;
    const position = this.offsetOf(block) + offset;
    this.#at = windows.offsetAt(position);
    this.#contiguous = Math.min(left, windows.leftAt(position));
    return windows.memoryAt(position);
  }

  /** Byte offset in the memory that the last `locate` of this object returned. */
  get at(): number {
    return this.#at;
  }

  /** Bytes in use from `at` on, up to the end of the window. */
  get contiguous(): number {
    return this.#contiguous;
  }

  /**
   * A typed view of a block's memory. Allocates; for hot paths use `locate`.
   *
   * @param section An open section of the domain.
   * @param type The type, `Uint32Array` for instance, or `DataView`.
   * @param address The ram_addr_t of the first byte.
   * @param length How many elements; bytes for a `DataView`.
   * @returns A view, to be dropped when the outermost section ends.
   * @throws {OutOfRamBlockError} If no block holds all of it.
   * @throws {WindowBoundaryError} If it would span two windows.
   * @throws {RangeError} If the address is not aligned as the type needs.
   * @throws {BufferNotAttachedError} If the block lives in a buffer that this context has not.
   */
  view<T>(section: ReadGuard, type: ViewType<T>, address: number, length: number): T {
    const bytes = length * (type.BYTES_PER_ELEMENT ?? 1);
    const memory = this.#locateAll(section, address, bytes);
    if (bytes > this.#contiguous) throw new WindowBoundaryError(address, bytes, this.#contiguous);
    return new type(memory.buffer, this.#at, length);
  }

  /**
   * Copies guest memory out, across windows where need be.
   *
   * @param section An open section of the domain.
   * @param address The ram_addr_t of the first byte.
   * @param into Where to; filled as a whole.
   * @throws {OutOfRamBlockError} If no block holds all of it; nothing is copied.
   * @throws {BufferNotAttachedError} If the block lives in a buffer that this context has not.
   */
  read(section: ReadGuard, address: number, into: Uint8Array): void {
    this.#locateAll(section, address, into.length);
    this.#pieces(section, address, into.length, (memory, at, done, count) => {
      into.set(memory.u8.subarray(at, at + count), done);
    });
  }

  /**
   * Copies into guest memory, across windows where need be, and then marks the pages dirty for the
   * clients whose logging is on for the block.
   *
   * @param section An open section of the domain.
   * @param address The ram_addr_t of the first byte.
   * @param from What to copy.
   * @throws {OutOfRamBlockError} If no block holds all of it; nothing is copied.
   * @throws {BufferNotAttachedError} If the block lives in a buffer that this context has not.
   */
  write(section: ReadGuard, address: number, from: Uint8Array): void {
    this.#locateAll(section, address, from.length);
    this.#pieces(section, address, from.length, (memory, at, done, count) => {
      memory.u8.set(from.subarray(done, done + count), at);
    });
    const block = this.find(section, address);
    this.dirty.markRange(section, address, from.length, this.logMaskOf(block));
  }

  /** The mask of the clients whose dirty logging is on for a block. */
  logMaskOf(block: number): number {
    return this.#kernel.load32(block + BLOCK.LOG_MASK);
  }

  /**
   * Attaches the caller's buffer of a block in this context, so that `locate` finds it here.
   *
   * @param section An open section of the domain.
   * @param id The block's id.
   * @param buffer The same memory that the block was added with, as this context got it posted.
   * @param byteOffset Where in it the block begins.
   * @throws {UnknownBlockError} If no block has the id.
   * @throws {InvalidBufferError} If the block has no buffer, or this one is too small.
   */
  attachBuffer(section: ReadGuard, id: number, buffer: SharedArrayBuffer, byteOffset = 0): void {
    attachBuffer(this.#core, section, id, buffer, byteOffset);
  }

  /** Forgets a buffer: once the block is gone, nothing else does. */
  detachBuffer(id: number): void {
    this.#core.buffers.delete(id);
  }

  #check(section: ReadGuard): void {
    if (this.arena.debug && !section.open) {
      throw new RcuError("SECTION_CLOSED", { action: "look RAM blocks up" });
    }
  }

  /** Locates the first byte of a range that must lie in one block. */
  #locateAll(section: ReadGuard, address: number, length: number): GuestMemory {
    const block = this.find(section, address);
    if (block === 0) throw new OutOfRamBlockError(address, length, 0);
    const offset = address - this.offsetOf(block);
    if (!(length >= 0 && length <= this.usedLengthOf(block) - offset)) {
      this.#refuse(block, offset, length);
    }
    return this.locate(block, offset);
  }

  #pieces(
    section: ReadGuard,
    address: number,
    length: number,
    copy: (memory: GuestMemory, at: number, done: number, count: number) => void,
  ): void {
    for (let done = 0; done < length;) {
      const memory = this.#locateAll(section, address + done, 1);
      const count = Math.min(length - done, this.#contiguous);
      copy(memory, this.#at, done, count);
      done += count;
    }
  }

  #refuse(block: number, offset: number, length: number): never {
    const left = Math.max(this.usedLengthOf(block) - offset, 0);
    throw new OutOfRamBlockError(this.offsetOf(block) + offset, length, left);
  }
}
