/**
 * The windows of guest RAM: several shared memories that make one linear range.
 *
 * @module
 */

import { ForeignRamError, InvalidLengthError, WindowReservationError } from "../errors.ts";
import { WindowMemory } from "./guest_memory.ts";

const WASM_PAGE_BITS = 16;

/** The largest window, 4 GiB: what 32-bit WebAssembly can address. */
export const MAX_WINDOW_BITS = 32;

/**
 * Reserves windows at their full size; they never grow. The host commits a page when it is touched.
 *
 * @param bytes What they have in all; the last one is cut short.
 * @param bits log2 of the bytes in each.
 * @returns The memories, structured-cloneable.
 * @throws {InvalidLengthError} If the sizes do not serve.
 * @throws {WindowReservationError} If the host refuses one.
 */
export function reserveWindows(bytes: number, bits: number): WebAssembly.Memory[] {
  if (!Number.isSafeInteger(bytes) || bytes < 1 || bytes % 2 ** WASM_PAGE_BITS !== 0) {
    throw new InvalidLengthError("the size of guest RAM", bytes, "a positive multiple of 64 KiB");
  }
  const memories: WebAssembly.Memory[] = [];
  for (let first = 0; first < bytes; first += 2 ** bits) {
    memories.push(reserve(memories.length, Math.min(2 ** bits, bytes - first)));
  }
  return memories;
}

/** log2 of a window's size. */
export function windowBits(bytes: number): number {
  const bits = Math.log2(bytes);
  if (!Number.isInteger(bits) || bits < WASM_PAGE_BITS || bits > MAX_WINDOW_BITS) {
    throw new InvalidLengthError(
      "the size of a window",
      bytes,
      "a power of two from 64 KiB to 4 GiB",
    );
  }
  return bits;
}

function reserve(window: number, bytes: number): WebAssembly.Memory {
  const pages = bytes / 2 ** WASM_PAGE_BITS;
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  } catch (cause) {
    throw new WindowReservationError(window, bytes, { cause });
  }
}

/** The bytes of a shared memory; undefined for anything else. */
function sharedBytes(memory: unknown): number | undefined {
  if (!(memory instanceof WebAssembly.Memory)) return undefined;
  const buffer = memory.buffer as ArrayBufferLike; // lib "dom" knows of no shared one
  return buffer instanceof SharedArrayBuffer ? buffer.byteLength : undefined;
}

/** The windows as one context sees them. */
export class Windows {
  /** What all windows have in bytes. */
  readonly bytes: number;
  readonly #memories: readonly WindowMemory[];
  readonly #size: number;

  /** @param memories The memories of the handle. @param bits log2 of the bytes in each but the last. */
  constructor(memories: readonly WebAssembly.Memory[], bits: number) {
    this.#size = 2 ** bits;
    this.#memories = memories.map((memory, window) => {
      const isLast = window === memories.length - 1;
      const bytes = sharedBytes(memory);
      if (bytes === undefined || (!isLast && bytes !== this.#size)) {
        throw new ForeignRamError("guest RAM", `window ${window} is no shared memory of its size`);
      }
      return new WindowMemory(memory);
    });
    this.bytes = this.#memories.reduce((sum, { buffer }) => sum + buffer.byteLength, 0);
  }

  /** The window that a position lies in, and the ones behind it. Positions are below `bytes`. */
  memoryAt(position: number): WindowMemory {
    return this.#memories[Math.floor(position / this.#size)]!;
  }

  /** Byte offset of a position in its window. */
  offsetAt(position: number): number {
    return position % this.#size;
  }

  /** Bytes from a position to the end of its window. */
  leftAt(position: number): number {
    return this.#size - position % this.#size;
  }

  /** Zeroes a range, page by page, leaving alone what is zero. Bounds are multiples of 4 KiB. */
  scrub(position: number, bytes: number): void {
    for (let done = 0; done < bytes;) {
      const part = Math.min(bytes - done, this.leftAt(position + done));
      this.memoryAt(position + done).scrub(this.offsetAt(position + done), part);
      done += part;
    }
  }
}
