/**
 * The heap as one context sees it: the typed face of the kernel's allocator, which does what several
 * contexts do at once. The errors are made here, from what the kernel refuses.
 *
 * @module
 */

import { type BlockHistory, RcuError } from "../errors/rcu_error.ts";
import { EvictedError } from "../errors/specific_errors.ts";
import { type HeapKernel, instantiateHeapKernel } from "../kernel/heap/kernel.ts";
import {
  BLOCK,
  BLOCK_STATE,
  CACHE,
  HEAP,
  HEAP_AT,
  OUTCOME,
  PAGE,
  PAGE_STATE,
  TOKEN_MASK,
} from "../kernel/heap/layouts.ts";
import { CONTEXT } from "../kernel/layouts.ts";
import { GRAIN, STATE_NAMES, stateOf } from "./block.ts";
import type { Contexts } from "./contexts.ts";
import type { ArenaGeometry } from "./header.ts";
import { sharedBuffer } from "./memory.ts";
import { type BlockInfo, Pages } from "./pages.ts";

/** Offsets of blocks are not below this; what the kernel returns in their place is. */
const LEAST_OFFSET = GRAIN;

/** What a sweep after a death found. */
export interface SweepReport {
  /** Slabs that the context owned; others use them now. */
  readonly slabs: number;
  /** Blocks whose allocation was cut short, freed now. */
  readonly reclaimed: number;
  /** Blocks that it kept in quarantine, freed now. */
  readonly quarantined: number;
}

/** The heap of one arena. */
export class Heap {
  /** The kernel, for hot paths. */
  readonly kernel: HeapKernel;
  /** Address of this context's caches. */
  readonly cache: number;
  /** Its pages. */
  readonly pages: Pages;
  /** The memory as words. */
  readonly u32: Uint32Array;
  /** The memory as bytes. */
  readonly u8: Uint8Array;
  readonly #contexts: Contexts;

  /**
   * @param memory The arena's memory.
   * @param geometry Where its parts lie.
   * @param contexts The context table, which this context has joined.
   */
  constructor(
    memory: WebAssembly.Memory,
    readonly geometry: ArenaGeometry,
    contexts: Contexts,
  ) {
    const buffer = sharedBuffer(memory);
    this.kernel = instantiateHeapKernel(memory);
    this.pages = new Pages(buffer, geometry);
    this.u32 = new Uint32Array(buffer);
    this.u8 = new Uint8Array(buffer);
    this.#contexts = contexts;
    const who = CONTEXT.who.at(contexts.record);
    this.cache = geometry.cachesAt +
      (contexts.record - geometry.contextsAt) / CONTEXT.size * CACHE.size;
    this.u32.fill(0, this.cache / 4, (this.cache + CACHE.size) / 4);
    CACHE.whoAt.set(this.u32, this.cache, who);
    CACHE.attached.set(this.u32, this.cache, Atomics.load(this.u32, who / 4));
  }

  /** This context's token. */
  get token(): number {
    return CACHE.attached.get(this.u32, this.cache) & TOKEN_MASK;
  }

  /** Whether another context has this token, and may be in the middle of a call. */
  mayChange(token: number): boolean {
    return token !== this.token && !this.#contexts.isGone(token);
  }

  /** Writes the geometry and reserves the pages of the arena's tables. The memory must be fresh. */
  static format(u32: Uint32Array, geometry: ArenaGeometry): void {
    HEAP.pageShift.set(u32, HEAP_AT, geometry.pageShift);
    HEAP.pages.set(u32, HEAP_AT, geometry.pages);
    HEAP.firstPage.set(u32, HEAP_AT, geometry.firstPage);
    HEAP.recordsAt.set(u32, HEAP_AT, geometry.recordsAt);
    HEAP.usedAt.set(u32, HEAP_AT, geometry.usedAt);
    HEAP.deferredAt.set(u32, HEAP_AT, geometry.deferredAt);
    HEAP.lowFree.set(u32, HEAP_AT, geometry.firstPage);
    HEAP.highest.set(u32, HEAP_AT, geometry.firstPage);
    for (let page = 0; page < geometry.firstPage; page++) {
      u32[PAGE.word.index(geometry.recordsAt + page * PAGE.size)] = PAGE_STATE.RESERVED;
    }
  }

  /**
   * Allocates a block.
   *
   * @param bytes Bytes wanted, at least 1 and below 2^32.
   * @param requested Bytes to record as requested.
   * @param alignment A power of two of at least 16.
   * @param flags Of `ALLOCATION`.
   * @returns Its offset, or 0 if there is no room.
   * @throws {EvictedError} If this context is not attached.
   */
  allocate(bytes: number, requested: number, alignment: number, flags: number): number {
    const { kernel, cache } = this;
    const block = kernel.allocate(cache, bytes, requested, alignment, flags) >>> 0;
    if (block >= LEAST_OFFSET) return block;
    if (block === OUTCOME.DETACHED) throw this.#evicted();
    return 0;
  }

  /**
   * Frees a live block, or makes it QUARANTINED.
   *
   * @throws {RcuError} As `Arena.free`.
   */
  turn(offset: number, state: number): void {
    this.checkOffset("free", offset);
    const outcome = state === BLOCK_STATE.FREE
      ? this.kernel.free(this.cache, offset)
      : this.kernel.turn(this.cache, offset, state);
    if (outcome !== OUTCOME.DONE) this.#refuse("free", offset, outcome);
  }

  /** Defers a live block; see `HeapKernel.defer`. */
  defer(offset: number, limbo: number, cookie: number): void {
    this.checkOffset("defer", offset);
    const outcome = this.kernel.defer(this.cache, offset, limbo, cookie);
    if (outcome !== OUTCOME.DONE) this.#refuse("defer", offset, outcome);
  }

  /** Makes a block LIVE, if it is PENDING and of the context `token`. */
  publish(offset: number, token: number): void {
    this.kernel.publish(offset, token);
  }

  /** Address of the header of the block at `offset`. */
  headerOf(offset: number): number {
    return this.kernel.headerOf(offset) >>> 0;
  }

  /** Marks a live block as a member, or with 0 as a block like others. */
  mark(offset: number, mark: number): void {
    BLOCK.mark.set(this.u32, this.headerOf(offset), mark);
  }

  /** Sweeps up after a context that has stopped. */
  sweep(token: number): SweepReport & { readonly skipped: number } {
    const { kernel } = this;
    const skipped = kernel.sweep(this.cache, token);
    return {
      slabs: kernel.slabsSwept(),
      reclaimed: kernel.pendingSwept(),
      quarantined: kernel.quarantinedSwept(),
      skipped,
    };
  }

  /**
   * The live block at `offset`.
   *
   * @throws {RcuError} If there is none.
   */
  liveBlock(offset: number, action: string): BlockInfo {
    this.checkOffset(action, offset);
    const header = this.headerOf(offset);
    if (header === 0) this.#refuse(action, offset, OUTCOME.NO_BLOCK);
    if (stateOf(this.u32, header) !== BLOCK_STATE.LIVE) {
      this.#refuse(action, offset, OUTCOME.NOT_LIVE);
    }
    return this.pages.around(offset)!;
  }

  /** What is recorded of a block. */
  history(block: BlockInfo): BlockHistory {
    const { u32 } = this;
    const { header } = block;
    return {
      block: block.offset,
      size: BLOCK.requested.get(u32, header),
      state: STATE_NAMES[stateOf(u32, header)] ?? "corrupt",
      serial: BLOCK.serial.get(u32, header),
      allocatedBy: this.#contexts.nameOf(BLOCK.allocatedBy.get(u32, header)),
      freedBy: this.#contexts.nameOf(this.#freedBy(header)),
    };
  }

  /** Who deferred a block; or else who freed it, which its tag names as long as it is free. */
  #freedBy(header: number): number {
    const deferredBy = BLOCK.deferredBy.get(this.u32, header);
    const state = stateOf(this.u32, header);
    const isGone = state === BLOCK_STATE.FREE || state === BLOCK_STATE.QUARANTINED;
    return deferredBy === 0 && isGone ? this.u32[BLOCK.tag.index(header) + 1]! : deferredBy;
  }

  /** Refuses what cannot be the offset of a block, before the kernel gets it as 32 bits. */
  checkOffset(action: string, offset: number): void {
    if (offset >= this.geometry.heapStart && offset < this.geometry.heapEnd) {
      if (offset % GRAIN === 0) return;
    }
    if (!this.#contexts.isAttached()) throw this.#evicted();
    throw new RcuError("INVALID_POINTER", { action, offset, reason: this.#whyInvalid(offset) });
  }

  #whyInvalid(offset: unknown): string {
    if (typeof offset !== "number" || !Number.isInteger(offset)) return "an offset is an integer";
    const { heapStart, heapEnd } = this.geometry;
    if (offset < heapStart || offset >= heapEnd) return "it lies outside of the heap";
    return `blocks are aligned to ${GRAIN} bytes`;
  }

  #evicted(): EvictedError {
    return new EvictedError({ token: this.token });
  }

  /** Throws what an outcome means. */
  #refuse(action: string, offset: number, outcome: number): never {
    if (outcome === OUTCOME.DETACHED) throw this.#evicted();
    if (outcome === OUTCOME.MEMBER) throw new RcuError("MEMBER_BLOCK", { action, offset });
    const block = this.pages.around(offset);
    if (block === undefined || block.offset !== offset || !this.#wasAllocated(block)) {
      throw new RcuError("INVALID_POINTER", { action, offset, reason: "no block starts there" });
    }
    const { state, freedBy } = this.history(block);
    if (state === "corrupt") {
      throw new RcuError("ARENA_CORRUPT", {
        offset: block.header,
        reason: "the header of a block was overwritten",
      });
    }
    throw new RcuError("DOUBLE_FREE", { offset, state, freedBy });
  }

  #wasAllocated(block: BlockInfo): boolean {
    return BLOCK.allocatedBy.get(this.u32, block.header) !== 0;
  }
}

/** Refuses a size or an alignment that no block can have. */
export function checkRequest(bytes: number, alignment: number): void {
  if (!Number.isInteger(bytes) || bytes < 1) {
    throw new RcuError("INVALID_SIZE", {
      what: "size of a block",
      value: bytes,
      requirement: "an integer of at least 1",
    });
  }
  const power = Number.isInteger(alignment) && alignment >= 1 && alignment <= 2 ** 31 &&
    (alignment & (alignment - 1)) === 0;
  if (!power) {
    throw new RcuError("INVALID_SIZE", {
      what: "alignment",
      value: alignment,
      requirement: "a power of two of at most 2^31",
    });
  }
}
