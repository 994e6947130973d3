/**
 * One stretch of memory that guest RAM lies in, as one context sees it.
 *
 * @module
 */

import { type Kernel, kernelOf } from "../kernel/kernel.ts";

/**
 * A window of guest RAM or a caller's buffer: typed views over it, and the accesses for which
 * JavaScript has no fast form. Made once in each context, and never moves: what it holds at a byte
 * offset is a block's as long as the section lasts in which the block was found.
 *
 * Guests race with one another on their memory, so plain accesses are right where they are for a
 * guest's own plain accesses; use the atomic ones where a guest's instruction is atomic.
 */
export abstract class GuestMemory {
  /** The memory. */
  readonly buffer: SharedArrayBuffer;
  /** Its bytes. */
  readonly u8: Uint8Array;
  /** Its aligned 32-bit words; trailing bytes that make no word are left out. */
  readonly i32: Int32Array;
  /** Unaligned accesses and those of a given byte order. */
  readonly data: DataView;

  /**
   * Makes the views.
   *
   * @param buffer The memory.
   */
  constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer;
    this.u8 = new Uint8Array(buffer);
    this.i32 = new Int32Array(buffer, 0, Math.floor(buffer.byteLength / 4));
    this.data = new DataView(buffer);
  }

  /** The upper half of the last `load64` or `compareExchange64` of this object, unsigned. */
  abstract get upper(): number;

  /**
   * Loads eight bytes, little-endian; as one, and seq-cst, if they are aligned.
   *
   * @param at Byte offset.
   * @returns The lower half, unsigned; the upper is in `upper`.
   * @throws {RangeError} If they leave the memory.
   */
  abstract load64(at: number): number;

  /**
   * Stores eight bytes, little-endian; as one, and seq-cst, if they are aligned.
   *
   * @param at Byte offset.
   * @param low The lower half. @param high The upper half.
   * @throws {RangeError} If they leave the memory.
   */
  abstract store64(at: number, low: number, high: number): void;

  /**
   * Stores eight bytes if they hold what is expected, seq-cst.
   *
   * @param at Byte offset, a multiple of 8.
   * @param expectedLow What they must hold, lower half. @param expectedHigh Upper half.
   * @param low What to store, lower half. @param high Upper half.
   * @returns The lower half of what they held, unsigned; the upper is in `upper`.
   * @throws {RangeError} If they leave the memory or are not aligned.
   */
  abstract compareExchange64(
    at: number,
    expectedLow: number,
    expectedHigh: number,
    low: number,
    high: number,
  ): number;

  /**
   * Stores a 32-bit word if it holds what is expected, seq-cst.
   *
   * @param at Byte offset, a multiple of 4.
   * @param expected What it must hold. @param value What to store.
   * @returns What it held, unsigned.
   */
  compareExchange32(at: number, expected: number, value: number): number {
    if (at & 3) throw new RangeError(`Cannot exchange 4 bytes at ${at}: they must be aligned`);
    return Atomics.compareExchange(this.i32, at / 4, expected | 0, value | 0) >>> 0;
  }
}

/** A window: eight-byte accesses go through the kernel, as two halves. */
export class WindowMemory extends GuestMemory {
  readonly #kernel: Kernel;

  /** @param memory The window. */
  constructor(memory: WebAssembly.Memory) {
    super(memory.buffer as unknown as SharedArrayBuffer);
    this.#kernel = kernelOf(memory);
  }

  override get upper(): number {
    return this.#kernel.upper() >>> 0;
  }

  override load64(at: number): number {
    return this.#kernel.load64(at) >>> 0;
  }

  override store64(at: number, low: number, high: number): void {
    this.#kernel.store64(at, low, high);
  }

  override compareExchange64(
    at: number,
    expectedLow: number,
    expectedHigh: number,
    low: number,
    high: number,
  ): number {
    return this.#kernel.compareExchange64(at, expectedLow, expectedHigh, low, high) >>> 0;
  }

  /** Zeroes pages of 4 KiB that are not zero. */
  scrub(from: number, bytes: number): void {
    this.#kernel.scrub(from, bytes / 4096);
  }
}

/**
 * A caller's buffer. No kernel can be instantiated over it, so aligned eight-byte accesses make a
 * BigInt: right, and slower than those to a window.
 */
export class BufferMemory extends GuestMemory {
  readonly #u64: BigUint64Array;
  #upper = 0;

  /** @param buffer The caller's buffer. */
  constructor(buffer: SharedArrayBuffer) {
    super(buffer);
    this.#u64 = new BigUint64Array(buffer, 0, Math.floor(buffer.byteLength / 8));
  }

  override get upper(): number {
    return this.#upper;
  }

  override load64(at: number): number {
    if (at & 7) {
      this.#upper = this.data.getUint32(at + 4, true);
      return this.data.getUint32(at, true);
    }
    return this.#split(Atomics.load(this.#u64, at / 8));
  }

  override store64(at: number, low: number, high: number): void {
    if (at & 7) {
      this.data.setUint32(at + 4, high, true);
      this.data.setUint32(at, low, true);
    } else {
      Atomics.store(this.#u64, at / 8, join(low, high));
    }
  }

  override compareExchange64(
    at: number,
    expectedLow: number,
    expectedHigh: number,
    low: number,
    high: number,
  ): number {
    if (at & 7) throw new RangeError(`Cannot exchange 8 bytes at ${at}: they must be aligned`);
    const expected = join(expectedLow, expectedHigh);
    return this.#split(Atomics.compareExchange(this.#u64, at / 8, expected, join(low, high)));
  }

  #split(value: bigint): number {
    this.#upper = Number(value >> 32n);
    return Number(value & 0xffff_ffffn);
  }
}

function join(low: number, high: number): bigint {
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}
