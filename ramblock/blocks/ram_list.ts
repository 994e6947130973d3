/**
 * The control side of guest RAM: adding, resizing, removing and reclaiming blocks.
 *
 * @module
 */

import { growDirty } from "../dirty/grow_dirty.ts";
import { RamBlockError } from "../errors/ramblock_error.ts";
import { BLOCK, RAM } from "../kernel/layouts.ts";
import { BufferWindow } from "../windows/ram_window.ts";
import { checkBuffer } from "./attached_buffers.ts";
import { type BackingFile, loadFile, writeBack } from "./backing_file.ts";
import type { BlockOptions } from "./block_options.ts";
import { KIND, type RamBlock, readRecord } from "./block_record.ts";
import { createBlock, requireAtMost, requireLength } from "./create_block.ts";
import { coreOf, type GuestRam } from "./guest_ram.ts";
import {
  adoptRetired,
  findById,
  free,
  link,
  listed,
  retire,
  retired,
  setUsedLength,
} from "./list_writer.ts";
import type { RamCore } from "./ram_core.ts";

/** The callbacks of a block, kept by the context that added it. */
interface Callbacks {
  readonly onResize: ((block: RamBlock) => void) | undefined;
  /** First step of reclaiming it: writes it back, or invalidates it. */
  readonly onReclaim: ((block: RamBlock) => void) | undefined;
}

/**
 * The writer of guest RAM. One context at a time may use one (QEMU holds its big lock); readers are
 * never stopped. Callbacks and files stay in the context that added their block, so the same context
 * must remove it.
 *
 * The rules are those of QEMU's `ram_list`: blocks are sorted by falling maximum length, and offsets
 * are found as by `find_ram_offset`. A block is *listed*, then *retired*, then *free*: `remove`
 * unlinks it, bumps the version and clears the MRU word; after a grace period it is reclaimed, and its
 * addresses are free. If reclaiming fails, it waits for `retryReclaim` or `discard`.
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
  /** The guest RAM whose blocks it changes. */
  readonly ram: GuestRam;
  /**
   * Called with a RECLAIM_FAILED if a removed block could not be reclaimed, for instance because its
   * file cannot be written. Unless set, the error is thrown uncaught in this context. The content is
   * kept in either case.
   */
  onReclaimError: ((error: RamBlockError<"RECLAIM_FAILED">) => void) | undefined;
  readonly #core: RamCore;
  readonly #callbacks: Map<number, Callbacks> = new Map();
  /** The retired blocks whose reclaiming failed, by id. */
  readonly #failed: Map<number, number> = new Map();

  /**
   * Becomes the writer. Blocks that the last writer had removed, and died before it had reclaimed them,
   * are reclaimed by this context: after a grace period, and without the callbacks that died with it,
   * so a file of theirs is not written.
   *
   * @param ram The guest RAM, as this context created or attached it.
   */
  constructor(ram: GuestRam) {
    this.ram = ram;
    this.#core = coreOf(ram);
    this.#adopt();
  }

  /**
   * Adds zeroed memory.
   *
   * @returns The block; readers find it from now on, its pages dirty for all clients.
   * @throws {RamBlockError} INVALID_LENGTH if a length is zero or not whole pages;
   * LENGTH_BEYOND_MAXIMUM; INVALID_NAME; DUPLICATE_NAME; RAM_EXHAUSTED if no gap in the windows fits.
   * @throws {ArenaExhaustedError} If the arena has no room.
   */
  addAnonymous(options: BlockOptions): RamBlock {
    return this.#add(KIND.ANONYMOUS, options, undefined, () => {});
  }

  /**
   * Adds a caller's memory as it is; reclaiming does nothing to it.
   *
   * @throws {RamBlockError} INVALID_BUFFER; the others as in `addAnonymous`.
   */
  addPreallocated(
    options: BlockOptions & {
      /** The memory; the caller keeps it. Other workers attach it by the block's id. */
      readonly buffer: SharedArrayBuffer;
      /** Where in it the block begins, a multiple of 8. Default: 0. */
      readonly byteOffset?: number;
    },
  ): RamBlock {
    return this.#addBuffer(KIND.PREALLOCATED, options, undefined);
  }

  /**
   * Adds a mapping that the caller manages, like Xen's map cache: the caller invalidates it when it is
   * reclaimed. If that throws, the block waits for `retryReclaim` or `discard`.
   *
   * @throws {RamBlockError} INVALID_BUFFER; the others as in `addAnonymous`.
   */
  addExternal(
    options: BlockOptions & {
      /** The memory, as for `addPreallocated`. */
      readonly buffer: SharedArrayBuffer;
      /** Where in it the block begins, a multiple of 8. Default: 0. */
      readonly byteOffset?: number;
      /** Called when the block is reclaimed: no worker uses the mapping any more. */
      readonly invalidate: (block: RamBlock) => void;
    },
  ): RamBlock {
    return this.#addBuffer(KIND.EXTERNAL, options, options.invalidate);
  }

  /**
   * Adds memory with a file's first `length` bytes, which is written back when it is reclaimed. If
   * that fails, the block waits for `retryReclaim` or `discard`.
   *
   * @throws {RamBlockError} FILE_FAILED if the file cannot be read; FILE_TOO_SHORT if it has fewer than
   * `length` bytes; the others as in `addAnonymous`.
   */
  addFile(
    options: BlockOptions & {
      /** The file; the caller closes it after the block is reclaimed. */
      readonly file: BackingFile;
    },
  ): RamBlock {
    const { windows } = this.#core;
    const onReclaim = (block: RamBlock) => {
      writeBack(windows, options.file, { ...block, length: block.usedLength });
    };
    return this.#add(KIND.FILE, options, onReclaim, (block) => {
      try {
        loadFile(windows, options.file, { ...block, length: block.usedLength });
      } catch (error) {
        windows.scrub(block.offset, block.maxLength);
        throw error;
      }
    });
  }

  /**
   * Removes a block. Readers inside a section may use it until their section ends; it is reclaimed
   * after the grace period, from this context's event loop or inside `domain.barrier()`.
   *
   * @param id The block's id.
   * @throws {RamBlockError} UNKNOWN_BLOCK; FOREIGN_BLOCK if another context has its file or callback.
   * @throws {DeferredBudgetError} If no more can be deferred; nothing has changed.
   */
  remove(id: number): void {
    const block = findById(this.#core, "remove", id);
    const { kind, name } = readRecord(this.#core.arena, block);
    if ((kind === "file" || kind === "external") && !this.#callbacks.has(id)) {
      throw new RamBlockError("FOREIGN_BLOCK", { block: name });
    }
    retire(this.#core, block, () => this.#reclaimOrReport(block));
  }

  /**
   * Changes how much of a block is in use. All of the new length is dirty for all clients; memory
   * behind it keeps its content.
   *
   * @param id The block's id.
   * @param length Bytes in use, a multiple of the page size.
   * @throws {RamBlockError} UNKNOWN_BLOCK; INVALID_LENGTH if the length is zero or not whole pages;
   * LENGTH_BEYOND_MAXIMUM.
   */
  resize(id: number, length: number): void {
    const block = findById(this.#core, "resize", id);
    const { name, usedLength, maxLength } = readRecord(this.#core.arena, block);
    requireLength(this.#core, "the used length", length);
    requireAtMost(name, length, maxLength);
    if (length === usedLength) return;
    setUsedLength(this.#core, block, length);
    this.#callbacks.get(id)?.onResize?.(readRecord(this.#core.arena, block));
  }

  /**
   * Switches dirty logging of a block on for some clients; for a listener's `log_start`.
   *
   * @throws {RamBlockError} UNKNOWN_BLOCK.
   */
  startLog(id: number, clients: number): void {
    const block = findById(this.#core, "log", id);
    this.#core.kernel.or32(BLOCK.logMask.at(block), clients);
  }

  /**
   * Switches dirty logging of a block off for some clients; for a listener's `log_stop`.
   *
   * @throws {RamBlockError} UNKNOWN_BLOCK.
   */
  stopLog(id: number, clients: number): void {
    const block = findById(this.#core, "log", id);
    this.#core.kernel.and32(BLOCK.logMask.at(block), ~clients);
  }

  /** The listed blocks, by falling maximum length. */
  blocks(): RamBlock[] {
    return listed(this.#core).map((block) => readRecord(this.#core.arena, block));
  }

  /** The retired blocks: removed, not reclaimed yet, their memory still held. */
  retired(): RamBlock[] {
    return retired(this.#core).map((block) => readRecord(this.#core.arena, block));
  }

  /**
   * Tries again to reclaim a block whose reclaiming failed.
   *
   * @throws {RamBlockError} UNKNOWN_BLOCK if reclaiming no such block failed in this context;
   * RECLAIM_FAILED if it fails again.
   */
  retryReclaim(id: number): void {
    this.#reclaim(this.#failedBlock("retry to reclaim", id));
  }

  /**
   * Frees a block whose reclaiming failed, and gives up its content.
   *
   * @throws {RamBlockError} UNKNOWN_BLOCK if reclaiming no such block failed in this context.
   */
  discard(id: number): void {
    this.#free(this.#failedBlock("discard", id));
  }

  #addBuffer(
    kind: number,
    options: Parameters<RamList["addPreallocated"]>[0],
    onReclaim: Callbacks["onReclaim"],
  ): RamBlock {
    const { name, buffer, byteOffset = 0 } = options;
    const { length, maxLength = length } = options;
    checkBuffer(name, buffer, byteOffset, maxLength);
    return this.#add(kind, options, onReclaim, ({ id }) => {
      this.#core.buffers.set(id, { window: new BufferWindow(buffer), byteOffset });
    });
  }

  /** Adds a block. `prepare` runs before readers can find it, and may still refuse. */
  #add(
    kind: number,
    options: BlockOptions,
    onReclaim: Callbacks["onReclaim"],
    prepare: (block: RamBlock) => void,
  ): RamBlock {
    this.#adopt();
    const block = createBlock(this.#core, kind, options);
    const { arena, reclaimer, ram } = this.#core;
    const record = readRecord(arena, block);
    const { id, offset, maxLength } = record;
    try {
      growDirty(arena, reclaimer, ram, (offset + maxLength) / 2 ** this.ram.dirty.pageBits);
      prepare(record);
    } catch (error) {
      arena.free(block);
      throw error;
    }
    RAM.nextId.set(arena.u32, ram, id + 1);
    this.#callbacks.set(id, { onResize: options.onResize, onReclaim });
    link(this.#core, block);
    return record;
  }

  #adopt(): void {
    adoptRetired(this.#core, (block) => this.#reclaimOrReport(block));
  }

  #reclaimOrReport(block: number): void {
    try {
      this.#reclaim(block);
    } catch (error) {
      if (!this.onReclaimError) throw error;
      this.onReclaimError(error as RamBlockError<"RECLAIM_FAILED">);
    }
  }

  #reclaim(block: number): void {
    const record = readRecord(this.#core.arena, block);
    const { id, name } = record;
    try {
      this.#callbacks.get(id)?.onReclaim?.(record);
    } catch (cause) {
      this.#failed.set(id, block);
      throw new RamBlockError("RECLAIM_FAILED", { id, block: name }, { cause });
    }
    this.#free(block);
  }

  #free(block: number): void {
    const { id, kind, offset, maxLength } = readRecord(this.#core.arena, block);
    if (kind === "anonymous" || kind === "file") this.#core.windows.scrub(offset, maxLength);
    this.#failed.delete(id);
    this.#callbacks.delete(id);
    free(this.#core, block);
  }

  #failedBlock(action: string, id: number): number {
    const block = this.#failed.get(id);
    if (block === undefined) throw new RamBlockError("UNKNOWN_BLOCK", { action, id });
    return block;
  }
}
