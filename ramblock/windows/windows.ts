/**
 * The windows of guest RAM: several shared memories that form one linear range.
 *
 * @module
 */

import { RamBlockError } from "../errors/ramblock_error.ts";
import { WasmWindow } from "./ram_window.ts";

const WASM_PAGE_BITS = 16;

/** The largest window, 4 GiB: what 32-bit WebAssembly can address. */
export const MAX_WINDOW_BITS = 32;

/**
 * Reserves windows at their full size; they never grow. The host commits a page when it is touched.
 *
 * @param bytes Bytes of all windows; the last one may be shorter.
 * @param bits log2 of the bytes in each.
 * @returns The memories, structured-cloneable.
 * @throws {RamBlockError} INVALID_LENGTH; WINDOW_REFUSED if the host refuses one.
 */
export function reserveWindows(bytes: number, bits: number): WebAssembly.Memory[] {
  if (!Number.isSafeInteger(bytes) || bytes < 1 || bytes % 2 ** WASM_PAGE_BITS !== 0) {
    throw new RamBlockError("INVALID_LENGTH", {
      what: "the size of guest RAM",
      value: bytes,
      requirement: "a positive multiple of 64 KiB",
    });
  }
  const memories: WebAssembly.Memory[] = [];
  for (let first = 0; first < bytes; first += 2 ** bits) {
    memories.push(reserve(memories.length, Math.min(2 ** bits, bytes - first)));
  }
  return memories;
}

/**
 * log2 of a window's size.
 *
 * @throws {RamBlockError} INVALID_LENGTH.
 */
export function windowBits(bytes: number): number {
  const bits = Math.log2(bytes);
  if (!Number.isInteger(bits) || bits < WASM_PAGE_BITS || bits > MAX_WINDOW_BITS) {
    throw new RamBlockError("INVALID_LENGTH", {
      what: "the size of a window",
      value: bytes,
      requirement: "a power of two from 64 KiB to 4 GiB",
    });
  }
  return bits;
}

function reserve(window: number, bytes: number): WebAssembly.Memory {
  const pages = bytes / 2 ** WASM_PAGE_BITS;
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  } catch (cause) {
    throw new RamBlockError("WINDOW_REFUSED", { window, bytes }, { cause });
  }
}

/** The bytes of a shared memory; undefined for anything else. */
function sharedBytes(memory: unknown): number | undefined {
  if (!(memory instanceof WebAssembly.Memory)) return undefined;
  const buffer = memory.buffer as ArrayBufferLike; // lib "dom" does not know shared ones
  return buffer instanceof SharedArrayBuffer ? buffer.byteLength : undefined;
}

/** The windows as one context sees them. */
export class Windows {
  /** Bytes of all windows. */
  readonly bytes: number;
  readonly #windows: readonly WasmWindow[];
  readonly #size: number;

  /**
   * Checks the memories and creates their views.
   *
   * @param memories The memories of the handle.
   * @param bits log2 of the bytes in each but the last.
   * @throws {RamBlockError} FOREIGN_HANDLE if a memory is not shared or has another size.
   */
  constructor(memories: readonly WebAssembly.Memory[], bits: number) {
    this.#size = 2 ** bits;
    this.#windows = memories.map((memory, window) => {
      const isLast = window === memories.length - 1;
      const bytes = sharedBytes(memory);
      if (bytes === undefined || (!isLast && bytes !== this.#size)) {
        const reason = `window ${window} is not a shared memory of its size`;
        throw new RamBlockError("FOREIGN_HANDLE", { what: "guest RAM", reason });
      }
      return new WasmWindow(memory);
    });
    this.bytes = this.#windows.reduce((sum, { buffer }) => sum + buffer.byteLength, 0);
  }

  /** The window of a position, which is below `bytes`. */
  windowAt(position: number): WasmWindow {
    return this.#windows[Math.floor(position / this.#size)]!;
  }

  /** Byte offset of a position in its window. */
  offsetAt(position: number): number {
    return position % this.#size;
  }

  /** Bytes from a position to the end of its window. */
  leftAt(position: number): number {
    return this.#size - position % this.#size;
  }

  /** Zeroes the pages of a range that are not zero. Its bounds are multiples of 4 KiB. */
  scrub(position: number, bytes: number): void {
    for (let done = 0; done < bytes;) {
      const part = Math.min(bytes - done, this.leftAt(position + done));
      this.windowAt(position + done).scrub(this.offsetAt(position + done), part);
      done += part;
    }
  }
}
