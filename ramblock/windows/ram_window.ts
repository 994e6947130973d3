/**
 * One piece of the memory that holds guest RAM, as one context sees it.
 *
 * @module
 */

import { type Kernel, kernelOf } from "../kernel/kernel.ts";

/**
 * A window of guest RAM or a caller's buffer: typed views over it, and the accesses for which
 * JavaScript has no fast form. There is one object for each window in each context, and it never
 * moves. A byte in it belongs to a block until the section ends in which the block was found.
 *
 * Values are unsigned. Guests race with one another on their memory, so use plain accesses for a
 * guest's plain accesses, and the atomic ones for a guest's atomic instructions.
 */
export abstract class RamWindow {
  /** The memory. */
  readonly buffer: SharedArrayBuffer;
  /** Its bytes. */
  readonly u8: Uint8Array;
  /** Its aligned 32-bit words, signed; trailing bytes that do not fill a word are left out. */
  readonly i32: Int32Array;
  /** For unaligned accesses and those of a given byte order. */
  readonly data: DataView;

  /**
   * Creates the views.
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
   * Loads eight bytes, little-endian; in one seq-cst access if they are aligned.
   *
   * @param at Byte offset.
   * @returns The lower half, unsigned; the upper is in `upper`.
   * @throws {RangeError} If they reach beyond the memory.
   */
  abstract load64(at: number): number;

  /**
   * Stores eight bytes, little-endian; in one seq-cst access if they are aligned.
   *
   * @param at Byte offset.
   * @param low The lower half. @param high The upper half.
   * @throws {RangeError} If they reach beyond the memory.
   */
  abstract store64(at: number, low: number, high: number): void;

  /**
   * Replaces eight bytes if they have the expected value; seq-cst.
   *
   * @param at Byte offset, a multiple of 8.
   * @param expectedLow The expected value's lower half. @param expectedHigh Its upper half.
   * @param low The new value's lower half. @param high Its upper half.
   * @returns The lower half of the old value, unsigned; the upper is in `upper`.
   * @throws {RangeError} If they reach beyond the memory or are not aligned.
   */
  abstract compareExchange64(
    at: number,
    expectedLow: number,
    expectedHigh: number,
    low: number,
    high: number,
  ): number;

  /**
   * Replaces a 32-bit word if it has the expected value; seq-cst.
   *
   * @param at Byte offset, a multiple of 4.
   * @param expected The expected value. @param value The new value.
   * @returns The old value, unsigned.
   * @throws {RangeError} If it reaches beyond the memory or is not aligned.
   */
  compareExchange32(at: number, expected: number, value: number): number {
    if (at & 3) throw new RangeError(`Cannot exchange 4 bytes at ${at}: they must be aligned`);
    return Atomics.compareExchange(this.i32, at / 4, expected | 0, value | 0) >>> 0;
  }
}

/** A window of guest RAM: eight-byte accesses go through the kernel, as two halves. */
export class WasmWindow extends RamWindow {
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
 * A caller's buffer. A kernel cannot be instantiated over it, so aligned eight-byte accesses go
 * through a BigInt: as correct as those to a window, and slower.
 */
export class BufferWindow extends RamWindow {
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
