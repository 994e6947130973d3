/**
 * Memory as a vCPU finds it under KVM: shadow mappings of memslots, and an exit for everything
 * else.
 *
 * @module
 */

import { type GuestSpace, MemTxResult } from "@guestmem/flatview";
import type { GuestRam } from "@guestmem/ramblock";
import { type Memslots, OUTCOME, ShadowMap } from "@guestmem/ramblock/memslots";
import type { QsbrReader, ReadGuard } from "@guestmem/rcu";
import type { MemoryUnit } from "./memory_unit.ts";

const PAGE = 4096;
/** Entries of a shadow map. */
export const SHADOW_ENTRIES = 1024;

type SrcuReader = ReturnType<Memslots["srcu"]["register"]>;

/**
 * A vCPU's path to memory through memslots. It holds guards of both domains, and drops both to
 * exit.
 */
export class SlotUnit implements MemoryUnit {
  result: MemTxResult = MemTxResult.OK;
  upper = 0;
  isOpen = false;
  /** Always the same: whoever changes the slots flushes the shadow mappings. */
  readonly generation = 0;
  readonly logEpoch = 0;
  readonly #reader: QsbrReader;
  readonly #srcu: SrcuReader;
  readonly #shadow: ShadowMap;
  readonly #ram: GuestRam;
  readonly #space: GuestSpace;
  #guard!: ReadGuard;
  #slots!: ReadGuard;

  /** @param space Where exits go. */
  constructor(reader: QsbrReader, slots: Memslots, ram: GuestRam, space: GuestSpace) {
    this.#reader = reader;
    this.#srcu = slots.srcu.register();
    this.#shadow = ShadowMap.create(slots, { entries: SHADOW_ENTRIES });
    this.#ram = ram;
    this.#space = space;
  }

  get guard(): ReadGuard {
    return this.#guard;
  }

  lock(): void {
    this.#guard = this.#reader.lock();
    this.#slots = this.#srcu.lock();
    this.isOpen = true;
  }

  unlock(): void {
    this.isOpen = false;
    this.#slots.unlock();
    this.#guard.unlock();
  }

  quiescent(): void {
    this.unlock();
    this.#reader.quiescent();
    this.lock();
  }

  load8(address: number): number {
    const window = this.#find(address, false);
    return window ? window.u8[this.#ram.at]! : this.#exit((space) => space.load8(address));
  }

  load16(address: number): number {
    const window = this.#find(address, false);
    if (window) return window.data.getUint16(this.#ram.at, true);
    return this.#exit((space) => space.load16le(address));
  }

  load32(address: number): number {
    const window = this.#find(address, false);
    if (!window) return this.#exit((space) => space.load32le(address));
    const { at } = this.#ram;
    return at % 4 === 0 ? window.i32[at / 4]! >>> 0 : window.data.getUint32(at, true);
  }

  load64(address: number): number {
    const window = this.#find(address, false);
    const low = window
      ? window.load64(this.#ram.at)
      : this.#exit((space) => space.load64le(address));
    this.upper = (window ?? this.#space).upper;
    return low;
  }

  store8(address: number, value: number): void {
    const window = this.#find(address, true);
    if (window) window.u8[this.#ram.at] = value;
    else this.#exit((space) => space.store8(address, value));
  }

  store16(address: number, value: number): void {
    const window = this.#find(address, true);
    if (window) window.data.setUint16(this.#ram.at, value, true);
    else this.#exit((space) => space.store16le(address, value));
  }

  store32(address: number, value: number): void {
    const window = this.#find(address, true);
    if (!window) return void this.#exit((space) => space.store32le(address, value));
    const { at } = this.#ram;
    if (at % 4 === 0) window.i32[at / 4] = value;
    else window.data.setInt32(at, value, true);
  }

  store64(address: number, value: number, upper: number): void {
    const window = this.#find(address, true);
    if (window) window.store64(this.#ram.at, value, upper);
    else this.#exit((space) => space.store64le(address, value, upper));
  }

  /** Releases the shadow mappings. */
  close(): void {
    this.#shadow.release();
    this.#srcu.unregister();
  }

  /** The window of an address, with the position in `ram.at`; null if the access has to exit. */
  #find(address: number, isWrite: boolean): ReturnType<GuestRam["locate"]> | null {
    const offset = address % PAGE;
    const gfn = (address - offset) / PAGE;
    let host = this.#shadow.translate(this.#slots, gfn, isWrite);
    while (host === OUTCOME.RETRY) {
      // A batch is being committed, and it waits for this section to end.
      this.quiescent();
      host = this.#shadow.translate(this.#slots, gfn, isWrite);
    }
    if (host < 0) return null;
    const block = this.#ram.findByHost(this.#guard, host);
    return this.#ram.locate(block, host + offset - this.#ram.hostOf(block));
  }

  #exit(access: (space: GuestSpace) => number): number {
    const space = this.#space;
    this.unlock();
    try {
      return access(space);
    } finally {
      this.result = space.result;
      this.lock();
    }
  }
}
