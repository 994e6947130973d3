/**
 * The control side of guest RAM: blocks come, change their length and go.
 *
 * @module
 */

import { growDirty } from "../dirty/grow.ts";
import {
  ForeignBlockError,
  InvalidLengthError,
  RamExhaustedError,
  ReclaimError,
  ResizeError,
  UnknownBlockError,
} from "../errors.ts";
import { BufferMemory } from "../windows/guest_memory.ts";
import { loadFile, writeBack } from "./backing_file.ts";
import type { BlockOptions, BufferOptions, ExternalOptions, FileOptions } from "./block_options.ts";
import { checkBuffer } from "./buffers.ts";
import type { RamCore } from "./core.ts";
import { coreOf, type GuestRam } from "./guest_ram.ts";
import { BLOCK, HOST_WINDOWS, KIND, loadNumber, RAM, storeNumber } from "./layout.ts";
import { findOffset } from "./placement.ts";
import { createRecord, encodeName, type RamBlock, readRecord } from "./records.ts";
import {
  findById,
  link,
  listed,
  markAll,
  occupied,
  release,
  requireFreeName,
  retired,
  unlink,
} from "./writer.ts";

/** What a context keeps of a block that it added. */
interface Owned {
  readonly onResize: ((block: RamBlock) => void) | undefined;
  readonly finish: ((block: RamBlock) => void) | undefined;
}

/**
 * The writer of guest RAM. One context at a time may use one, as QEMU does it under its big lock;
 * readers are never stopped. Callbacks and files stay in the context that added their block, so that
 * context removes it.
 *
 * The rules are those of QEMU's `ram_list`: blocks sorted by falling maximum length, offsets by
 * `find_ram_offset`, and to free one is to unlink it, bump the version, clear the MRU word and reclaim
 * it after a grace period.
 *
 * @example
 * ```ts
 * import { Arena, RcuDomain } from "@guestmem/rcu";
 * import { GuestRam, RamList } from "@guestmem/ramblock";
 * import { assertEquals } from "@std/assert";
 *
 * const domain = RcuDomain.create(Arena.create({ bytes: 1 << 20 }));
 * const blocks = new RamList(GuestRam.create(domain, { bytes: 1 << 24 }));
 * const vga = blocks.addAnonymous({ name: "vga.vram", length: 1 << 20 });
 * const rom = blocks.addAnonymous({ name: "pc.bios", length: 1 << 18 });
 * assertEquals([vga.offset, rom.offset], [0, 1 << 20]);
 *
 * blocks.remove(vga.id);
 * domain.barrier(); // reclaimed: its memory is zeroed, and free for another block
 * assertEquals(blocks.blocks().map(({ name }) => name), ["pc.bios"]);
 * ```
 */
export class RamList {
  /** What the blocks are blocks of. */
  readonly ram: GuestRam;
  /**
   * Called when a removed block could not be reclaimed, as when its file cannot be written. Unless
   * set, the error becomes an uncaught one of this context. The content is kept in either case.
   */
  onReclaimError: ((error: ReclaimError) => void) | undefined;
  readonly #core: RamCore;
  readonly #owned: Map<number, Owned> = new Map();
  readonly #failed: Map<number, number> = new Map();

  /**
   * Becomes the writer.
   *
   * @param ram The guest RAM, as this context created or attached it.
   */
  constructor(ram: GuestRam) {
    this.ram = ram;
    this.#core = coreOf(ram);
  }

  /**
   * Adds zeroed memory.
   *
   * @returns The block; readers find it from now on, its pages dirty for all clients.
   * @throws {InvalidLengthError} If a length is zero, not whole pages, or used exceeds maximum.
   * @throws {InvalidNameError} If no block can have the name.
   * @throws {DuplicateNameError} If a block has the name.
   * @throws {RamExhaustedError} If no gap in the windows fits.
   * @throws {ArenaExhaustedError} If the arena has no room.
   */
  addAnonymous(options: BlockOptions): RamBlock {
    return this.#add(KIND.ANONYMOUS, options, undefined, () => {});
  }

  /**
   * Adds a caller's memory as it is; nothing is done to it at reclaim.
   *
   * @throws {InvalidBufferError} If the buffer does not serve; for the rest see `addAnonymous`.
   */
  addPreallocated(options: BufferOptions): RamBlock {
    return this.#addBuffer(KIND.PREALLOCATED, options, undefined);
  }

  /**
   * Adds a mapping that something else manages, as Xen's map cache does: at reclaim the caller
   * invalidates it. If that throws, the block waits for `retryReclaim` or `discard`.
   *
   * @throws {InvalidBufferError} If the buffer does not serve; for the rest see `addAnonymous`.
   */
  addExternal(options: ExternalOptions): RamBlock {
    return this.#addBuffer(KIND.EXTERNAL, options, options.invalidate);
  }

  /**
   * Adds memory that holds a file's first `length` bytes, and writes it back at reclaim. If that
   * fails, the block waits for `retryReclaim` or `discard`.
   *
   * @throws {BackingFileError} If the file cannot be read; for the rest see `addAnonymous`.
   * @throws {ShortFileError} If the file has fewer than `length` bytes.
   */
  addFile(options: FileOptions): RamBlock {
    const { windows } = this.#core;
    const finish = (block: RamBlock) => {
      writeBack(windows, options.file, { ...block, length: block.usedLength });
    };
    return this.#add(
      KIND.FILE,
      options,
      finish,
      ({ offset, name, usedLength: length, maxLength }) => {
        try {
          loadFile(windows, options.file, { name, offset, length });
        } catch (error) {
          windows.scrub(offset, maxLength);
          throw error;
        }
      },
    );
  }

  /**
   * Removes a block. Readers inside a section may use it until their section ends; it is reclaimed
   * after the grace period, from this context's event loop or inside `domain.barrier()`.
   *
   * @param id The block's id.
   * @throws {UnknownBlockError} If there is none, or it was removed before.
   * @throws {ForeignBlockError} If another context holds its file or callback.
   * @throws {DeferredBudgetError} If no more can be deferred; nothing is changed.
   */
  remove(id: number): void {
    const block = findById(this.#core, "remove", id);
    const { kind, name } = readRecord(this.#core.arena, block);
    if ((kind === "file" || kind === "external") && !this.#owned.has(id)) {
      throw new ForeignBlockError(name);
    }
    unlink(this.#core, block, () => this.#reclaimOrReport(block));
  }

  /**
   * Changes how much of a block is in use. The new length is dirty for all clients; memory behind it
   * keeps its content.
   *
   * @param id The block's id.
   * @param length Bytes in use, a multiple of the page size.
   * @throws {UnknownBlockError} If there is none.
   * @throws {InvalidLengthError} If the length is zero or not whole pages.
   * @throws {ResizeError} If it exceeds the maximum.
   */
  resize(id: number, length: number): void {
    const block = findById(this.#core, "resize", id);
    const { name, usedLength, maxLength } = readRecord(this.#core.arena, block);
    this.#checkLength("the used length", length);
    if (length > maxLength) throw new ResizeError(name, length, maxLength);
    if (length === usedLength) return;
    this.#core.kernel.setUsedLength(block, length);
    markAll(this.#core, block);
    this.#owned.get(id)?.onResize?.(readRecord(this.#core.arena, block));
  }

  /** Switches dirty logging of a block on for some clients; for a listener's `log_start`. */
  startLog(id: number, clients: number): void {
    const block = findById(this.#core, "log", id);
    this.#core.kernel.or32(block + BLOCK.LOG_MASK, clients);
  }

  /** Switches dirty logging of a block off for some clients; for a listener's `log_stop`. */
  stopLog(id: number, clients: number): void {
    const block = findById(this.#core, "log", id);
    this.#core.kernel.and32(block + BLOCK.LOG_MASK, ~clients);
  }

  /** The blocks, by falling maximum length. */
  blocks(): RamBlock[] {
    return listed(this.#core).map((block) => readRecord(this.#core.arena, block));
  }

  /** The removed blocks whose memory is still held: their grace period or their reclaim is pending. */
  retired(): RamBlock[] {
    return retired(this.#core).map((block) => readRecord(this.#core.arena, block));
  }

  /**
   * Tries again to reclaim a block whose reclaim failed.
   *
   * @throws {UnknownBlockError} If no reclaim of such a block failed in this context.
   * @throws {ReclaimError} If it fails again.
   */
  retryReclaim(id: number): void {
    this.#reclaim(this.#failedBlock("retry to reclaim", id));
  }

  /**
   * Gives up the content of a block whose reclaim failed.
   *
   * @throws {UnknownBlockError} If no reclaim of such a block failed in this context.
   */
  discard(id: number): void {
    this.#finish(this.#failedBlock("discard", id));
  }

  #addBuffer(kind: number, options: BufferOptions, finish: Owned["finish"]): RamBlock {
    const { name, buffer, byteOffset = 0 } = options;
    const { length, maxLength = length } = options;
    checkBuffer(name, buffer, byteOffset, maxLength);
    return this.#add(kind, options, finish, ({ id }) => {
      this.#core.buffers.set(id, { memory: new BufferMemory(buffer), byteOffset });
    });
  }

  /** Adds a block. `prepare` runs before readers can find it, and may still refuse. */
  #add(
    kind: number,
    options: BlockOptions,
    finish: Owned["finish"],
    prepare: (block: RamBlock) => void,
  ): RamBlock {
    const block = this.#place(kind, options);
    const { arena, domain, ram } = this.#core;
    const { id, offset, maxLength } = readRecord(arena, block);
    try {
      const pages = (offset + maxLength) / 2 ** this.ram.dirty.pageBits;
      growDirty(arena, domain, ram, pages);
      prepare(readRecord(arena, block));
    } catch (error) {
      arena.free(block);
      throw error;
    }
    arena.u32[(ram + RAM.NEXT_ID) >>> 2] = id + 1;
    this.#owned.set(id, { onResize: options.onResize, finish });
    link(this.#core, block);
    return readRecord(arena, block);
  }

  /** Checks the options, finds an offset and makes the record; nobody else sees it yet. */
  #place(kind: number, { name, length, maxLength = length }: BlockOptions): number {
    const core = this.#core;
    const { arena: { u32 }, ram, windows } = core;
    const bytes = encodeName(name);
    this.#checkLength("the maximum length", maxLength);
    this.#checkLength("the used length", length);
    if (length > maxLength) throw new ResizeError(name, length, maxLength);
    requireFreeName(core, name, bytes);
    const inWindows = kind === KIND.ANONYMOUS || kind === KIND.FILE;
    const limit = inWindows ? windows.bytes : HOST_WINDOWS;
    const offset = findOffset(occupied(core), maxLength, this.ram.dirty.pageBits, limit);
    if (offset < 0) {
      const held = this.retired().reduce((sum, { maxLength }) => sum + maxLength, 0);
      throw new RamExhaustedError(name, maxLength, limit, held);
    }
    const id = u32[(ram + RAM.NEXT_ID) >>> 2]!;
    const host = inWindows ? HOST_WINDOWS + offset : this.#reserveHost(maxLength);
    const content = { id, kind, name: bytes, offset, host, usedLength: length, maxLength };
    return createRecord(core.arena, content);
  }

  /** Host positions for a caller's buffer: never used again, whatever becomes of the block. */
  #reserveHost(length: number): number {
    const { arena: { u32 }, ram } = this.#core;
    const host = loadNumber(u32, ram + RAM.NEXT_HOST);
    storeNumber(u32, ram + RAM.NEXT_HOST, host + length);
    return host;
  }

  #reclaimOrReport(block: number): void {
    try {
      this.#reclaim(block);
    } catch (error) {
      if (!this.onReclaimError) throw error;
      this.onReclaimError(error as ReclaimError);
    }
  }

  #reclaim(block: number): void {
    const record = readRecord(this.#core.arena, block);
    try {
      this.#owned.get(record.id)?.finish?.(record);
    } catch (cause) {
      this.#failed.set(record.id, block);
      throw new ReclaimError(record.id, record.name, { cause });
    }
    this.#finish(block);
  }

  #finish(block: number): void {
    const { id, kind, offset, maxLength } = readRecord(this.#core.arena, block);
    if (kind === "anonymous" || kind === "file") this.#core.windows.scrub(offset, maxLength);
    this.#failed.delete(id);
    this.#owned.delete(id);
    release(this.#core, block);
  }

  #failedBlock(action: string, id: number): number {
    const block = this.#failed.get(id);
    if (block === undefined) throw new UnknownBlockError(action, id);
    return block;
  }

  #checkLength(what: string, length: number): void {
    const page = 2 ** this.ram.dirty.pageBits;
    if (Number.isSafeInteger(length) && length > 0 && length % page === 0) return;
    throw new InvalidLengthError(what, length, `a positive multiple of the page size, ${page}`);
  }
}
