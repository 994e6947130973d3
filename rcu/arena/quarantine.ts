/**
 * What debug mode does to blocks: canary bytes after the bytes requested, poison in freed blocks, and a
 * quarantine that keeps freed blocks from being used again for a while.
 *
 * @module
 */

import { RcuError } from "../errors/rcu_error.ts";
import { UseAfterFreeError } from "../errors/specific_errors.ts";
import { BLOCK, BLOCK_STATE } from "../kernel/heap/layouts.ts";
import { CANARY, POISON, stateOf } from "./block.ts";
import type { Heap } from "./heap.ts";
import type { BlockInfo } from "./pages.ts";

/** The quarantine of a context holds at most this part of the arena: a sixteenth. */
const QUARANTINE_SHARE = 16;

/** Fills what a block has beyond the bytes requested. */
export function writeCanary(heap: Heap, offset: number, requested: number): void {
  const { capacity } = heap.pages.around(offset)!;
  heap.u8.fill(CANARY, offset + requested, offset + capacity);
}

/** Throws if a live block's canary was overwritten. */
export function checkCanary(heap: Heap, block: BlockInfo): void {
  const { u8, u32 } = heap;
  const end = block.offset + block.capacity;
  for (let byte = block.offset + BLOCK.requested.get(u32, block.header); byte < end; byte++) {
    if (u8[byte] === CANARY) continue;
    throw new RcuError("CANARY_OVERWRITTEN", { offset: byte, history: heap.history(block) });
  }
}

/** What a write to a freed block is reported as, if there was one. */
function damage(heap: Heap, block: BlockInfo): UseAfterFreeError | undefined {
  // Not poisoned yet: the context that frees it is about to, or has died.
  if (BLOCK.mark.get(heap.u32, block.header) !== POISON) return undefined;
  const end = (block.offset + block.capacity) / 4;
  for (let word = block.offset / 4; word < end; word++) {
    if (heap.u32[word] === POISON) continue;
    const history = heap.history(block);
    return new UseAfterFreeError({ access: "earlier store", offset: word * 4, history });
  }
  return undefined;
}

/** Poisons a block that is in quarantine, and notes in its header that it is. */
function poison(heap: Heap, block: BlockInfo): void {
  heap.u32.fill(POISON, block.offset / 4, (block.offset + block.capacity) / 4);
  BLOCK.mark.set(heap.u32, block.header, POISON);
}

/** The quarantine of one context. That a block is in it, its header says; this is the order. */
export class Quarantine {
  readonly #heap: Heap;
  readonly #limit: number;
  /** Offsets; those before `#first` have left. */
  #blocks: number[] = [];
  #first = 0;
  #bytes = 0;

  /** @param heap The heap. */
  constructor(heap: Heap) {
    this.#heap = heap;
    this.#limit = heap.geometry.bytes / QUARANTINE_SHARE;
  }

  /** Poisons a block that this context has made QUARANTINED, and takes it in. */
  add(offset: number): void {
    const block = this.#heap.pages.around(offset)!;
    poison(this.#heap, block);
    this.#blocks.push(offset);
    this.#bytes += block.footprint;
  }

  /** Frees blocks until `bytes` more fit into the share of the arena, or none is left. */
  makeRoom(bytes: number): void {
    while (this.#bytes + bytes > this.#limit && this.releaseOldest());
  }

  /**
   * Frees the oldest block.
   *
   * @returns Whether there was one.
   * @throws {UseAfterFreeError} If it was written to after it was freed. It is poisoned again before, so
   * that each such write is reported once, and stays.
   */
  releaseOldest(): boolean {
    const offset = this.#blocks[this.#first];
    if (offset === undefined) return false;
    const heap = this.#heap;
    const block = heap.pages.around(offset);
    // Another context may have freed it, when it found no room.
    if (block?.offset === offset && stateOf(heap.u32, block.header) === BLOCK_STATE.QUARANTINED) {
      const error = damage(heap, block);
      if (error) {
        poison(heap, block);
        throw error;
      }
      heap.kernel.release(heap.cache, offset);
      this.#bytes -= block.footprint;
    }
    this.#shift();
    return true;
  }

  #shift(): void {
    this.#first++;
    if (this.#first === this.#blocks.length) this.#bytes = 0;
    if (this.#first * 2 < this.#blocks.length) return;
    this.#blocks = this.#blocks.slice(this.#first);
    this.#first = 0;
  }
}

/** Frees the blocks in quarantine of all contexts; returns whether there were any. */
export function releaseAll(heap: Heap): boolean {
  let released = false;
  for (const block of blocksIn(heap, BLOCK_STATE.QUARANTINED)) {
    const error = damage(heap, block);
    if (error) poison(heap, block);
    if (heap.kernel.release(heap.cache, block.offset) === 1) released = true;
    if (error) throw error;
  }
  return released;
}

/** The blocks of a heap in one state. */
export function* blocksIn(heap: Heap, state: number): Generator<BlockInfo> {
  for (const info of heap.pages) {
    for (const block of heap.pages.blocksOf(info)) {
      if (stateOf(heap.u32, block.header) === state) yield block;
    }
  }
}

/** Throws at the first block whose canary or whose poison was overwritten. */
export function checkBlocks(heap: Heap): void {
  for (const state of [BLOCK_STATE.LIVE, BLOCK_STATE.DEFERRED]) {
    for (const block of blocksIn(heap, state)) checkCanary(heap, block);
  }
  for (const block of blocksIn(heap, BLOCK_STATE.QUARANTINED)) {
    const error = damage(heap, block);
    if (error) throw error;
  }
}
