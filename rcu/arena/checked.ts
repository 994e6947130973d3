/**
 * Checked accesses of debug mode: each finds the block it falls into and refuses to touch one that
 * was freed, or to run over the end of one.
 *
 * @module
 */

import { type BlockHistory, RcuError } from "../errors/rcu_error.ts";
import { UseAfterFreeError } from "../errors/specific_errors.ts";
import { BLOCK, BLOCK_HEADER, GRAIN, sizeOf, State, stateOf } from "./block.ts";
import type { ArenaCore } from "./core.ts";
import type { Heap } from "./heap.ts";

/**
 * Loads and stores that report a use after free with the block's history. Works in every arena; but
 * only debug mode keeps freed blocks in quarantine, and so finds every such use for a while.
 *
 * Live blocks may be touched, and deferred ones, which readers may still see. Takes the arena's lock
 * only to report. An access to a block of the caller's own is judged correctly whatever others do; one
 * to a block that another context frees at the same moment may or may not be reported. Offsets are in
 * bytes.
 */
export class CheckedView {
  readonly #heap: Heap;
  readonly #locked: ArenaCore["locked"];
  readonly #data: DataView;

  /**
   * For `Arena`.
   *
   * @internal
   * @param heap The heap.
   * @param locked Runs a function under the arena's lock.
   */
  constructor(heap: Heap, locked: ArenaCore["locked"]) {
    this.#heap = heap;
    this.#locked = locked;
    this.#data = new DataView(heap.store.u8.buffer);
  }

  /** Loads a byte. */
  loadU8(offset: number): number {
    return this.#data.getUint8(this.#check("load", offset, 1));
  }

  /** Loads a 32-bit word, unsigned. */
  loadU32(offset: number): number {
    return this.#data.getUint32(this.#check("load", offset, 4), true);
  }

  /** Loads a 32-bit word, signed. */
  loadI32(offset: number): number {
    return this.#data.getInt32(this.#check("load", offset, 4), true);
  }

  /** Loads a double. */
  loadF64(offset: number): number {
    return this.#data.getFloat64(this.#check("load", offset, 8), true);
  }

  /** Stores a byte. */
  storeU8(offset: number, value: number): void {
    this.#data.setUint8(this.#check("store", offset, 1), value);
  }

  /** Stores a 32-bit word, unsigned. */
  storeU32(offset: number, value: number): void {
    this.#data.setUint32(this.#check("store", offset, 4), value, true);
  }

  /** Stores a 32-bit word, signed. */
  storeI32(offset: number, value: number): void {
    this.#data.setInt32(this.#check("store", offset, 4), value, true);
  }

  /** Stores a double. */
  storeF64(offset: number, value: number): void {
    this.#data.setFloat64(this.#check("store", offset, 8), value, true);
  }

  /**
   * What is known of the block around an offset, freed or not.
   *
   * @param offset Any byte of the heap.
   * @returns Its history.
   * @throws {RcuError} `INVALID_POINTER` if the offset lies outside of the heap.
   */
  history(offset: number): BlockHistory {
    return this.#locked(() => this.#historyAt(offset));
  }

  #historyAt(offset: number): BlockHistory {
    const { geometry, starts } = this.#heap;
    if (!Number.isInteger(offset) || offset < geometry.heapStart || offset >= geometry.heapEnd) {
      throw new RcuError("INVALID_POINTER", {
        action: "inspect",
        offset,
        reason: "it lies outside of the heap",
      });
    }
    return this.#heap.history(this.#formerBlock(starts.covering(offset), offset));
  }

  #check(access: string, offset: number, bytes: number): number {
    if (!this.#isFine(offset, bytes)) this.#locked(() => this.#report(access, offset, bytes));
    return offset;
  }

  /** Whether the bytes lie in a block that may be touched. */
  #isFine(offset: number, bytes: number): boolean {
    const { store: { u32 }, geometry, starts } = this.#heap;
    if (!Number.isInteger(offset) || offset < geometry.heapStart || offset >= geometry.heapEnd) {
      return false;
    }
    const block = starts.covering(offset);
    const state = stateOf(u32, block);
    const start = block + BLOCK_HEADER;
    return (state === State.LIVE || state === State.DEFERRED) && offset >= start &&
      offset + bytes <= start + BLOCK.requested.get(u32, block);
  }

  /** Throws what is wrong. Under the lock, so that the headers it reads stay headers. */
  #report(access: string, offset: number, bytes: number): void {
    const { store, geometry, starts } = this.#heap;
    const { u32 } = store;
    const inside = Number.isInteger(offset) && offset >= geometry.heapStart &&
      offset < geometry.heapEnd;
    if (!inside) throw new RcuError("OUT_OF_BLOCK", { access, offset, bytes, block: undefined });
    const block = starts.covering(offset);
    const state = stateOf(u32, block);
    if (state !== State.LIVE && state !== State.DEFERRED) {
      const former = this.#formerBlock(block, offset);
      if (BLOCK.allocatedBy.get(u32, former) === 0) {
        throw new RcuError("OUT_OF_BLOCK", { access, offset, bytes, block: undefined });
      }
      throw new UseAfterFreeError({ access, offset, history: this.#heap.history(former) });
    }
    const start = block + BLOCK_HEADER;
    if (offset < start || offset + bytes > start + BLOCK.requested.get(u32, block)) {
      throw new RcuError("OUT_OF_BLOCK", {
        access,
        offset,
        bytes,
        block: this.#heap.history(block),
      });
    }
  }

  /** The block that lay around an offset before a free neighbour swallowed it, if it did. */
  #formerBlock(block: number, offset: number): number {
    const { u32 } = this.#heap.store;
    if (stateOf(u32, block) !== State.FREE) return block;
    for (let header = offset - (offset % GRAIN); header > block; header -= GRAIN) {
      if (stateOf(u32, header) === State.MERGED && header + sizeOf(u32, header) > offset) {
        return header;
      }
    }
    return block;
  }
}
