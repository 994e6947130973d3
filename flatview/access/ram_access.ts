import type { ReadGuard } from "@guestmem/rcu";
import { FlatViewError } from "../errors/flat_view_error.ts";
import { DIRTY_LOG_SHIFT } from "../region/range_flags.ts";
import { type Halves, swap32 } from "./device/halves.ts";
import type { GuestMemory, RamWindow } from "./guest_memory.ts";

/** Copies up to this size go byte by byte: a subarray would cost more. */
const SMALL = 32;

/** The clients of a dirty log: VGA, CODE and MIGRATION. */
const CLIENTS = 7;

/** Reads and writes guest RAM by `ram_addr_t`, in one worker. */
export class RamAccess {
  readonly #memory: GuestMemory;
  /** The window that was located last. */
  #window: RamWindow | null = null;
  /** The window whose 16-bit words `#u16` are. */
  #window16: RamWindow | null = null;
  #u16: Uint16Array = new Uint16Array(0);

  /** @param memory The guest RAM. */
  constructor(memory: GuestMemory) {
    this.#memory = memory;
  }

  /** Byte offset of the location in its window. */
  get at(): number {
    return this.#memory.at;
  }

  /** Bytes that follow one another from there. */
  get contiguous(): number {
    return this.#memory.contiguous;
  }

  /**
   * Locates the memory of a `ram_addr_t`. The location is valid until the next one.
   *
   * @param region Id of the region, for the error.
   * @throws {FlatViewError} `MISSING_RAM` if no block has it.
   */
  locate(guard: ReadGuard, region: number, ramAddr: number): RamWindow {
    const memory = this.#memory;
    const block = memory.find(guard, ramAddr);
    if (block === 0) throw new FlatViewError("MISSING_RAM", { region, ramAddr });
    return this.#window = memory.locate(block, ramAddr - memory.offsetOf(block));
  }

  /** Copies out of the location, up to `length` bytes of one stretch. @returns How many. */
  copyOut(length: number, into: Uint8Array, start: number): number {
    const { at, contiguous } = this.#memory;
    const { u8 } = this.#window!;
    const count = Math.min(length, contiguous);
    if (count > SMALL) into.set(u8.subarray(at, at + count), start);
    else for (let i = 0; i < count; i++) into[start + i] = u8[at + i]!;
    return count;
  }

  /** Copies to the location, up to `length` bytes of one stretch. @returns How many. */
  copyIn(length: number, from: Uint8Array, start: number): number {
    const { at, contiguous } = this.#memory;
    const { u8 } = this.#window!;
    const count = Math.min(length, contiguous);
    if (count > SMALL) u8.set(from.subarray(start, start + count), at);
    else for (let i = 0; i < count; i++) u8[at + i] = from[start + i]!;
    return count;
  }

  /** The log epoch, see `GuestMemory`. */
  get logEpoch(): number {
    return this.#memory.dirty.epoch;
  }

  /** Marks written bytes dirty, for the clients in a range's flags. */
  markDirty(guard: ReadGuard, ramAddr: number, length: number, flags: number): void {
    const clients = flags >>> DIRTY_LOG_SHIFT & CLIENTS;
    if (clients !== 0) this.#memory.dirty.markRange(guard, ramAddr, length, clients);
  }

  /**
   * Loads 1, 2, 4 or 8 bytes of one stretch. An aligned load does not tear: it goes through a typed
   * array or the kernel, the only ones to promise that.
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

  /** Stores 1, 2, 4 or 8 bytes of one stretch; an aligned store does not tear, as in `load`. */
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
    if (this.#window16 === window) return this.#u16;
    this.#window16 = window;
    const { buffer } = window;
    return this.#u16 = new Uint16Array(buffer, 0, Math.floor(buffer.byteLength / 2));
  }
}
