import type { ReadGuard } from "@guestmem/rcu";
import { DIRTY_LOG_SHIFT } from "../region/range_flags.ts";
import type { GuestMemory, RamWindow } from "./guest_memory.ts";
import { type Halves, swap32 } from "./device/halves.ts";
import { FlatViewError } from "../errors/flat_view_error.ts";

/** Up to so many bytes are copied one by one: a subarray for them would cost more. */
const SMALL = 32;

/** The clients that a dirty log has: VGA, CODE and MIGRATION. */
const CLIENTS = 7;

/** Reads and writes guest RAM by ram_addr_t, in one worker. */
export class RamAccess {
  readonly #memory: GuestMemory;
  #window: RamWindow | null = null;
  #u16: Uint16Array = new Uint16Array(0);

  /** @param memory The guest RAM. */
  constructor(memory: GuestMemory) {
    this.#memory = memory;
  }

  /** Byte offset of what was located last. */
  get at(): number {
    return this.#memory.at;
  }

  /** Bytes that follow one another from there. */
  get contiguous(): number {
    return this.#memory.contiguous;
  }

  /**
   * Finds the memory of a ram_addr_t.
   *
   * @param region Id of the region, for the error.
   * @throws {FlatViewError} `MISSING_RAM` if no block has it.
   */
  locate(section: ReadGuard, region: number, ramAddr: number): RamWindow {
    const block = this.#memory.find(section, ramAddr);
    if (block === 0) throw new FlatViewError("MISSING_RAM", { region, ramAddr });
    return this.#memory.locate(block, ramAddr - this.#memory.offsetOf(block));
  }

  /** Copies out of what was located last, as much as lies in one stretch; how much. */
  copyOut(window: RamWindow, length: number, into: Uint8Array, start: number): number {
    const { at } = this.#memory;
    const count = Math.min(length, this.#memory.contiguous);
    if (count > SMALL) into.set(window.u8.subarray(at, at + count), start);
    else for (let i = 0; i < count; i++) into[start + i] = window.u8[at + i]!;
    return count;
  }

  /** Copies into what was located last, as much as fits one stretch; how much. */
  copyIn(window: RamWindow, length: number, from: Uint8Array, start: number): number {
    const { at } = this.#memory;
    const count = Math.min(length, this.#memory.contiguous);
    if (count > SMALL) window.u8.set(from.subarray(start, start + count), at);
    else for (let i = 0; i < count; i++) window.u8[at + i] = from[start + i]!;
    return count;
  }

  /** Marks what was written, for the clients that a range's flags log for. */
  markDirty(section: ReadGuard, ramAddr: number, length: number, flags: number): void {
    const clients = flags >>> DIRTY_LOG_SHIFT & CLIENTS;
    if (clients !== 0) this.#memory.dirty.markRange(section, ramAddr, length, clients);
  }

  /**
   * Loads 1, 2, 4 or 8 bytes of one stretch, little-endian unless said otherwise. An aligned access
   * is one access: it goes through a typed array or the kernel, as only those promise.
   */
  load(window: RamWindow, at: number, size: number, bigEndian: boolean, value: Halves): void {
    if (size === 1) return value.set(window.u8[at]!, 0);
    if (size === 2) {
      value.set(at % 2 === 0 ? this.words16(window)[at / 2]! : window.data.getUint16(at, true), 0);
    } else if (size === 4) {
      value.set(at % 4 === 0 ? window.i32[at / 4]! : window.data.getInt32(at, true), 0);
    } else value.set(window.load64(at), window.upper);
    if (bigEndian) value.swap(size);
  }

  /** Stores 1, 2, 4 or 8 bytes of one stretch, little-endian unless said otherwise; as `load`. */
  store(
    window: RamWindow,
    at: number,
    size: number,
    bigEndian: boolean,
    low: number,
    high: number,
  ): void {
    if (size === 8) {
      if (bigEndian) window.store64(at, swap32(high), swap32(low));
      else window.store64(at, low, high);
      return;
    }
    const value = bigEndian ? swap32(low) >>> (32 - size * 8) : low;
    if (size === 1) window.u8[at] = value;
    else if (size === 2 && at % 2 === 0) this.words16(window)[at / 2] = value;
    else if (size === 2) window.data.setUint16(at, value, true);
    else if (at % 4 === 0) window.i32[at / 4] = value;
    else window.data.setInt32(at, value, true);
  }

  /** The aligned 16-bit words of a window. */
  words16(window: RamWindow): Uint16Array {
    if (this.#window === window) return this.#u16;
    this.#window = window;
    const { buffer } = window;
    return this.#u16 = new Uint16Array(buffer, 0, Math.floor(buffer.byteLength / 2));
  }
}
