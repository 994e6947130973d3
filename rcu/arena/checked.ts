/**
 * Checked accesses of debug mode: each finds the block it falls into and refuses to touch one that
 * was freed, or to run over the end of one.
 *
 * @module
 */

import { type BlockHistory, RcuError } from "../errors/rcu_error.ts";
import { UseAfterFreeError } from "../errors/specific_errors.ts";
import { BLOCK, BLOCK_STATE } from "../kernel/heap/layouts.ts";
import { stateOf } from "./block.ts";
import type { Heap } from "./heap.ts";
import type { BlockInfo } from "./pages.ts";

/**
 * Loads and stores that report a use after free with the block's history. Works in every arena; but
 * only debug mode keeps freed blocks in quarantine, and so finds every such use for a while.
 *
 * Live blocks may be touched, and deferred ones, which readers may still see. An access to a block of
 * the caller's own is judged correctly whatever others do; one to a block that another context frees at
 * the same moment may or may not be reported. Offsets are in bytes.
 */
export class CheckedView {
  readonly #heap: Heap;
  readonly #data: DataView;

  /**
   * For `Arena`.
   *
   * @internal
   * @param heap The heap.
   */
  constructor(heap: Heap) {
    this.#heap = heap;
    this.#data = new DataView(heap.u8.buffer);
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
    const { heapStart, heapEnd } = this.#heap.geometry;
    const inside = Number.isInteger(offset) && offset >= heapStart && offset < heapEnd;
    const block = inside ? this.#heap.pages.around(offset) : undefined;
    if (block) return this.#heap.history(block);
    const reason = inside ? "no block was ever there" : "it lies outside of the heap";
    throw new RcuError("INVALID_POINTER", { action: "inspect", offset, reason });
  }

  #check(access: string, offset: number, bytes: number): number {
    const block = Number.isInteger(offset) && offset > 0 && offset < this.#heap.geometry.heapEnd
      ? this.#heap.pages.around(offset)
      : undefined;
    if (block === undefined || !this.#mayTouch(block, offset, bytes)) {
      this.#report(access, offset, bytes, block);
    }
    return offset;
  }

  #mayTouch({ header, offset: start }: BlockInfo, offset: number, bytes: number): boolean {
    const { u32 } = this.#heap;
    const state = stateOf(u32, header);
    return (state === BLOCK_STATE.LIVE || state === BLOCK_STATE.DEFERRED) &&
      offset + bytes <= start + BLOCK.requested.get(u32, header);
  }

  #report(access: string, offset: number, bytes: number, found: BlockInfo | undefined): never {
    const { u32 } = this.#heap;
    const known = found !== undefined && BLOCK.allocatedBy.get(u32, found.header) !== 0;
    const block = known ? this.#heap.history(found) : undefined;
    if (block !== undefined && block.state !== "live" && block.state !== "deferred") {
      throw new UseAfterFreeError({ access, offset, history: block });
    }
    throw new RcuError("OUT_OF_BLOCK", { access, offset, bytes, block });
  }
}
