/**
 * The allocator proper: boundary tags, immediate coalescing, segregated bins. No locking here; the
 * caller holds the arena's lock.
 *
 * Every change takes place by one store to the state word of one block (`Store.commit`). Before it,
 * the walk over the blocks sees the old heap; after it, the new one. Whatever else is written is
 * either invisible to the walk at that moment or derived from it, so a worker may die at any store
 * and `repair()` finds every block.
 *
 * @module
 */

import { type BlockHistory, type ContextName, RcuError } from "../errors/rcu_error.ts";
import { alignmentGap, Bins, rowOf } from "./bins.ts";
import {
  BLOCK,
  BLOCK_HEADER,
  CANARY,
  GRAIN,
  MIN_BLOCK,
  sizeOf,
  State,
  STATE_NAMES,
  stateOf,
} from "./block.ts";
import { type ArenaGeometry, HEADER, STATE_ROWS } from "./header.ts";
import { BlockStarts } from "./starts.ts";
import type { Store } from "./store.ts";

/** Indices of the first counters of bytes and of blocks: constants, for the hot path. */
const STATE_BYTES = HEADER.stateBytes.index(0);
const STATE_BLOCKS = HEADER.stateBlocks.index(0);

/** The heap of one arena. */
export class Heap {
  /** Free blocks by size. */
  readonly bins: Bins;
  /** Where blocks start. */
  readonly starts: BlockStarts;
  readonly #u32: Uint32Array;

  /**
   * @param store Where the arena lies.
   * @param geometry Where its parts lie.
   * @param nameOf Names a context by its token, for errors.
   */
  constructor(
    readonly store: Store,
    readonly geometry: ArenaGeometry,
    readonly nameOf: (token: number) => ContextName,
  ) {
    this.bins = new Bins(store);
    this.starts = new BlockStarts(store, geometry);
    this.#u32 = store.u32;
  }

  /** Makes one free block of all the heap. The memory must be fresh. */
  format(): void {
    const { heapStart, heapEnd } = this.geometry;
    this.store.put(BLOCK.tag.index(heapStart), (heapEnd - heapStart + State.FREE) >>> 0);
    this.starts.set(heapStart);
    this.bins.insert(heapStart);
    this.count(State.FREE, heapEnd - heapStart, 1);
  }

  /**
   * Allocates a block. O(1) but for the zeroing, unless the arena is nearly exhausted.
   *
   * @param bytes Payload wanted, at least 1.
   * @param requested What to record as requested; a canary fills the rest if it is less than
   * `bytes`.
   * @param alignment A power of two of at least 16.
   * @param token The context that allocates.
   * @param zeroed Whether to zero it.
   * @returns The block's header, or 0 if nothing fits.
   */
  allocate(
    bytes: number,
    requested: number,
    alignment: number,
    token: number,
    zeroed = true,
  ): number {
    const size = Math.max(MIN_BLOCK, Math.ceil(bytes / GRAIN) * GRAIN + BLOCK_HEADER);
    if (size > this.geometry.heapEnd) return 0;
    let block = alignment === GRAIN ? this.bins.find(size) : this.bins.findAligned(size, alignment);
    if (block === 0) return 0;
    const gap = alignment === GRAIN ? 0 : alignmentGap(block, alignment);
    if (gap !== 0) block = this.#splitFront(block, gap);
    const { store } = this;
    const serial = HEADER.serial.get(this.#u32, 0);
    store.put(HEADER.serial.index(0), (serial + 1) >>> 0);
    store.put(BLOCK.requested.index(block), requested);
    store.put(BLOCK.allocatedBy.index(block), token);
    store.put(BLOCK.freedBy.index(block), 0);
    store.put(BLOCK.serial.index(block), serial);
    const taken = this.#take(block, size);
    store.put(BLOCK.owner.index(block), 0); // it was the link of the block's bin
    if (zeroed) store.fill(block + BLOCK_HEADER, block + taken, 0);
    if (requested < bytes) {
      store.fillBytes(block + BLOCK_HEADER + requested, block + taken, CANARY);
    }
    store.commit(BLOCK.tag.index(block), (taken + State.LIVE) >>> 0);
    this.count(State.LIVE, taken, 1);
    this.#raisePeak();
    return block;
  }

  /**
   * Frees a block and merges it with its free neighbours. O(1).
   *
   * @param block Header of a block that is not free.
   * @param token The context that frees it; 0 leaves what is recorded.
   */
  release(block: number, token: number): void {
    const { store, bins } = this;
    const u32 = this.#u32;
    const own = sizeOf(u32, block);
    const before = stateOf(u32, block);
    if (token !== 0) store.put(BLOCK.freedBy.index(block), token);
    store.commit(BLOCK.tag.index(block), (own + State.FREE) >>> 0);
    this.count(before, own, -1);
    this.count(State.FREE, own, 1);
    let size = own;
    const next = block + own;
    if (next < this.geometry.heapEnd && stateOf(u32, next) === State.FREE) {
      bins.remove(next);
      size = this.#merge(block, next);
    }
    const previous = BLOCK.previousSize.get(u32, block);
    if (previous !== 0 && stateOf(u32, block - previous) === State.FREE) {
      bins.remove(block - previous);
      size = this.#merge(block - previous, block);
      block -= previous;
    }
    this.#updateNext(block, size);
    bins.insert(block);
  }

  /** Changes the state of a block that stays a block, for instance LIVE to DEFERRED. */
  turn(block: number, state: number): void {
    const size = sizeOf(this.#u32, block);
    const before = stateOf(this.#u32, block);
    this.store.commit(BLOCK.tag.index(block), (size + state) >>> 0);
    this.count(before, size, -1);
    this.count(state, size, 1);
  }

  /**
   * The live block whose payload starts at `offset`.
   *
   * @param offset What a caller gave.
   * @param action What is to be done, for the error.
   * @returns The block's header.
   * @throws {RcuError} `INVALID_POINTER` if no block starts there.
   * @throws {RcuError} `DOUBLE_FREE` if the block is not live any more.
   * @throws {RcuError} `ARENA_CORRUPT` if the block's header was overwritten.
   */
  liveBlock(offset: number, action: string): number {
    const block = this.#header(offset, action);
    const u32 = this.#u32;
    const state = stateOf(u32, block);
    if (!this.starts.has(block)) {
      const inside = stateOf(u32, this.starts.covering(block)) === State.FREE;
      if (inside && state === State.MERGED) throw this.#doubleFree(block);
      throw new RcuError("INVALID_POINTER", { action, offset, reason: "no block starts there" });
    }
    const next = block + sizeOf(u32, block);
    const whole = STATE_NAMES[state] !== undefined && next <= this.geometry.heapEnd &&
      (next === this.geometry.heapEnd || BLOCK.previousSize.get(u32, next) === next - block);
    if (!whole) {
      throw new RcuError("ARENA_CORRUPT", {
        offset: block,
        reason: "the header of a block was overwritten",
      });
    }
    if (state !== State.LIVE) throw this.#doubleFree(block);
    return block;
  }

  /** What is recorded of a block. */
  history(block: number): BlockHistory {
    const u32 = this.#u32;
    return {
      block: block + BLOCK_HEADER,
      size: BLOCK.requested.get(u32, block),
      state: STATE_NAMES[stateOf(u32, block)] ?? "corrupt",
      serial: BLOCK.serial.get(u32, block),
      allocatedBy: this.nameOf(BLOCK.allocatedBy.get(u32, block)),
      freedBy: this.nameOf(BLOCK.freedBy.get(u32, block)),
    };
  }

  /** Counts a block of `size` bytes in (`by` = 1) or out (`by` = -1) of a state. */
  count(state: number, size: number, by: number): void {
    const bytes = STATE_BYTES + state;
    const blocks = blockCount(state, rowOf(size));
    this.store.put(bytes, (this.#u32[bytes]! + by * size) >>> 0);
    this.store.put(blocks, (this.#u32[blocks]! + by) >>> 0);
  }

  /** Cuts `gap` bytes off the front of a free block; both parts are free, the rest in no bin. */
  #splitFront(block: number, gap: number): number {
    const { store } = this;
    const rest = block + gap;
    const size = sizeOf(this.#u32, block) - gap;
    this.bins.remove(block);
    store.put(BLOCK.previousSize.index(rest), gap);
    store.put(BLOCK.tag.index(rest), (size + State.FREE) >>> 0);
    store.commit(BLOCK.tag.index(block), (gap + State.FREE) >>> 0);
    this.starts.set(rest);
    this.#updateNext(rest, size);
    this.count(State.FREE, size + gap, -1);
    this.count(State.FREE, gap, 1);
    this.count(State.FREE, size, 1);
    this.bins.insert(block);
    this.bins.insert(rest);
    return rest;
  }

  /** Makes a free block PENDING and gives back what it has beyond `size`; returns its new size. */
  #take(block: number, size: number): number {
    const { store } = this;
    const whole = sizeOf(this.#u32, block);
    const left = whole - size;
    this.bins.remove(block);
    this.count(State.FREE, whole, -1);
    if (left < MIN_BLOCK) {
      store.commit(BLOCK.tag.index(block), (whole + State.PENDING) >>> 0);
      return whole;
    }
    const rest = block + size;
    store.put(BLOCK.previousSize.index(rest), size);
    for (let word = BLOCK.requested.index(rest); word <= BLOCK.owner.index(rest); word++) {
      store.put(word, 0);
    }
    store.put(BLOCK.tag.index(rest), (left + State.FREE) >>> 0);
    store.commit(BLOCK.tag.index(block), (size + State.PENDING) >>> 0);
    this.starts.set(rest);
    this.#updateNext(rest, left);
    this.count(State.FREE, left, 1);
    this.bins.insert(rest);
    return size;
  }

  /** Merges the free block `next` into the free block before it; returns the new size. */
  #merge(block: number, next: number): number {
    const u32 = this.#u32;
    const first = sizeOf(u32, block);
    const second = sizeOf(u32, next);
    this.store.commit(BLOCK.tag.index(block), (first + second + State.FREE) >>> 0);
    this.starts.clear(next);
    this.store.put(BLOCK.tag.index(next), (second + State.MERGED) >>> 0);
    this.count(State.FREE, first, -1);
    this.count(State.FREE, second, -1);
    this.count(State.FREE, first + second, 1);
    return first + second;
  }

  /** Writes a block's size into the header of the next block. */
  #updateNext(block: number, size: number): void {
    const next = block + size;
    if (next < this.geometry.heapEnd) this.store.put(BLOCK.previousSize.index(next), size);
  }

  #raisePeak(): void {
    const used = this.#u32[STATE_BYTES + State.LIVE]! +
      this.#u32[STATE_BYTES + State.DEFERRED]!;
    if (used > HEADER.peak.get(this.#u32, 0)) this.store.put(HEADER.peak.index(0), used);
  }

  #header(offset: number, action: string): number {
    if (typeof offset !== "number" || !Number.isInteger(offset)) {
      throw new RcuError("INVALID_POINTER", { action, offset, reason: "an offset is an integer" });
    }
    const block = offset - BLOCK_HEADER;
    if (block < this.geometry.heapStart || offset >= this.geometry.heapEnd) {
      throw new RcuError("INVALID_POINTER", {
        action,
        offset,
        reason: "it lies outside of the heap",
      });
    }
    if (offset % GRAIN !== 0) {
      throw new RcuError("INVALID_POINTER", {
        action,
        offset,
        reason: `blocks are aligned to ${GRAIN} bytes`,
      });
    }
    return block;
  }

  #doubleFree(block: number): RcuError {
    const { state, freedBy } = this.history(block);
    return new RcuError("DOUBLE_FREE", { offset: block + BLOCK_HEADER, state, freedBy });
  }
}

/** Index of the word that counts the blocks of a state and a row. */
export function blockCount(state: number, row: number): number {
  return STATE_BLOCKS + (state - 1) * STATE_ROWS + row;
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
    Number.isInteger(Math.log2(alignment));
  if (!power) {
    throw new RcuError("INVALID_SIZE", {
      what: "alignment",
      value: alignment,
      requirement: "a power of two of at most 2^31",
    });
  }
}
