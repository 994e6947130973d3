/** Guest RAM for tests: one block over a few windows. */
import { instantiateKernel, type Kernel } from "@guestmem/rcu/internal";
import type { GuestMemory, RamWindow } from "../access/guest_memory.ts";

class Window implements RamWindow {
  readonly buffer: SharedArrayBuffer;
  readonly u8: Uint8Array;
  readonly i32: Int32Array;
  readonly data: DataView;
  readonly #kernel: Kernel;
  #upper = 0;

  constructor(memory: WebAssembly.Memory) {
    this.buffer = memory.buffer as unknown as SharedArrayBuffer;
    this.u8 = new Uint8Array(this.buffer);
    this.i32 = new Int32Array(this.buffer);
    this.data = new DataView(this.buffer);
    this.#kernel = instantiateKernel(memory);
  }

  get upper(): number {
    return this.#upper;
  }

  load64(at: number): number {
    if (at % 8 === 0) {
      const low = this.#kernel.pairLoad(at) >>> 0;
      this.#upper = this.#kernel.pairSecond() >>> 0;
      return low;
    }
    this.#upper = this.data.getUint32(at + 4, true);
    return this.data.getUint32(at, true);
  }

  store64(at: number, low: number, high: number): void {
    if (at % 8 === 0) return this.#kernel.pairStore(at, low, high);
    this.data.setUint32(at, low, true);
    this.data.setUint32(at + 4, high, true);
  }
}

/** What a worker attaches with. */
export interface FlatMemoryHandle {
  readonly windows: readonly WebAssembly.Memory[];
}

/** Guest RAM for tests, without blocks. The ram_addr_t runs from 0 over all windows, which have one size. */
export class FlatMemory implements GuestMemory {
  readonly handle: FlatMemoryHandle;
  readonly bytes: number;
  /** What was marked dirty: first, length and clients of each call. */
  readonly marked: [number, number, number][] = [];
  readonly dirty = {
    epoch: 0,
    markRange: (_section: unknown, address: number, length: number, clients: number): void => {
      this.marked.push([address, length, clients]);
    },
  };
  at = 0;
  contiguous = 0;
  readonly #windows: Window[];
  readonly #size: number;

  constructor(handle: FlatMemoryHandle) {
    this.handle = handle;
    this.#windows = handle.windows.map((memory) => new Window(memory));
    this.#size = this.#windows[0]!.u8.length;
    this.bytes = this.#size * this.#windows.length;
  }

  /** `windows` windows of `pages` pages of 64 KiB. */
  static create(pages: number, windows = 1): FlatMemory {
    const make = () => new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    return new FlatMemory({ windows: Array.from({ length: windows }, make) });
  }

  find(_section: unknown, address: number): number {
    return address < this.bytes ? 16 : 0;
  }

  offsetOf(): number {
    return 0;
  }

  locate(_block: number, offset: number): Window {
    this.at = offset % this.#size;
    this.contiguous = this.#size - this.at;
    return this.#windows[Math.floor(offset / this.#size)]!;
  }

  /** One byte, for tests. */
  byte(ramAddr: number): number {
    return this.locate(16, ramAddr).u8[this.at]!;
  }

  /** Sets one byte, for tests. */
  setByte(ramAddr: number, value: number): void {
    this.locate(16, ramAddr).u8[this.at] = value;
  }
}
