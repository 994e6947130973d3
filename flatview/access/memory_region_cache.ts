import type { ReadGuard } from "@guestmem/rcu";
import { FlatViewError } from "../errors/flat_view_error.ts";
import type { Address } from "../region/address.ts";
import type { AddressSpaceReader } from "../view/address_space_reader.ts";
import { type AccessPath, NO_ATTRS } from "./access_path.ts";
import { advance } from "./device/device_access.ts";
import type { MemTxResult } from "./device/mem_tx_result.ts";
import type { RamWindow } from "./guest_memory.ts";
import { isDirect, ResolvedAddress } from "./resolved_address.ts";

/**
 * The cached translation of a range that is accessed again and again: QEMU's `MemoryRegionCache`.
 * From `GuestSpace.cache`. Loads are unsigned.
 *
 * A translation is valid for one version of the map: each access compares the generation of the
 * published map with that of the translation, and translates again if they differ. No listener is
 * needed, and nothing cached is used in a later section unchecked.
 */
export class MemoryRegionCache {
  /** First address. */
  readonly address: Address;
  /** Bytes. */
  readonly length: number;
  /** The upper half of the last load of eight bytes, unsigned. */
  upper: number = 0;
  /** Result of the last load or store. */
  result: MemTxResult = 0;
  readonly #path: AccessPath;
  readonly #space: AddressSpaceReader;
  readonly #isWrite: boolean;
  readonly #resolved = new ResolvedAddress();
  #generation = 0;
  #window: RamWindow | null = null;
  #at = 0;
  #contiguous = 0;
  #ramAddr = 0;

  /** @internal */
  constructor(
    path: AccessPath,
    space: AddressSpaceReader,
    address: Address,
    length: number,
    isWrite: boolean,
  ) {
    path.checkRange(address, length);
    this.#path = path;
    this.#space = space;
    this.#isWrite = isWrite;
    this.address = address;
    this.length = length;
  }

  /** Loads a byte at an offset in the range. */
  load8(offset: number): number {
    return this.#load(offset, 1, false);
  }

  /** Loads two bytes, little-endian. */
  load16le(offset: number): number {
    return this.#load(offset, 2, false);
  }

  /** Loads two bytes, big-endian. */
  load16be(offset: number): number {
    return this.#load(offset, 2, true);
  }

  /** Loads four bytes, little-endian. */
  load32le(offset: number): number {
    return this.#load(offset, 4, false);
  }

  /** Loads four bytes, big-endian. */
  load32be(offset: number): number {
    return this.#load(offset, 4, true);
  }

  /** Loads eight bytes, little-endian: returns the lower half; the upper half is in `upper`. */
  load64le(offset: number): number {
    return this.#load(offset, 8, false);
  }

  /** Loads eight bytes, big-endian: returns the lower half; the upper half is in `upper`. */
  load64be(offset: number): number {
    return this.#load(offset, 8, true);
  }

  /** Stores a byte at an offset in the range. */
  store8(offset: number, value: number): MemTxResult {
    return this.#store(offset, 1, false, value, 0);
  }

  /** Stores two bytes, little-endian. */
  store16le(offset: number, value: number): MemTxResult {
    return this.#store(offset, 2, false, value, 0);
  }

  /** Stores two bytes, big-endian. */
  store16be(offset: number, value: number): MemTxResult {
    return this.#store(offset, 2, true, value, 0);
  }

  /** Stores four bytes, little-endian. */
  store32le(offset: number, value: number): MemTxResult {
    return this.#store(offset, 4, false, value, 0);
  }

  /** Stores four bytes, big-endian. */
  store32be(offset: number, value: number): MemTxResult {
    return this.#store(offset, 4, true, value, 0);
  }

  /** Stores eight bytes, little-endian, given as two halves. */
  store64le(offset: number, low: number, upper: number): MemTxResult {
    return this.#store(offset, 8, false, low, upper);
  }

  /** Stores eight bytes, big-endian, given as two halves. */
  store64be(offset: number, low: number, upper: number): MemTxResult {
    return this.#store(offset, 8, true, low, upper);
  }

  /** Reads bytes from an offset on. */
  read(offset: number, into: Uint8Array): MemTxResult {
    this.#check(offset, into.length);
    const holder = this.#path.guards.begin();
    try {
      return this.#path.bytes.read(holder, this.#space, this.#addressOf(offset), into, NO_ATTRS);
    } finally {
      this.#path.guards.end(holder);
    }
  }

  /** Writes bytes from an offset on. */
  write(offset: number, from: Uint8Array): MemTxResult {
    this.#check(offset, from.length);
    const holder = this.#path.guards.begin();
    try {
      return this.#path.bytes.write(holder, this.#space, this.#addressOf(offset), from, NO_ATTRS);
    } finally {
      this.#path.guards.end(holder);
    }
  }

  #load(offset: number, size: number, bigEndian: boolean): number {
    this.#check(offset, size);
    const path = this.#path;
    const holder = path.guards.begin();
    try {
      const window = this.#renew(holder.guard);
      if (window !== null && offset + size <= this.#contiguous) {
        path.ram.load(window, this.#at + offset, size, bigEndian, path.value);
        this.result = 0;
      } else {
        const address = this.#addressOf(offset);
        this.result = path.load(holder, this.#space, address, size, bigEndian, NO_ATTRS);
      }
      this.upper = path.value.high;
      return path.value.low;
    } finally {
      path.guards.end(holder);
    }
  }

  #store(
    offset: number,
    size: number,
    bigEndian: boolean,
    low: number,
    high: number,
  ): MemTxResult {
    this.#check(offset, size);
    const path = this.#path;
    const holder = path.guards.begin();
    try {
      const { guard } = holder;
      const window = this.#renew(guard);
      if (this.#isWrite && window !== null && offset + size <= this.#contiguous) {
        path.ram.store(window, this.#at + offset, size, bigEndian, low, high);
        path.ram.markDirty(guard, this.#ramAddr + offset, size, this.#resolved.flags);
        return this.result = 0;
      }
      const to = this.#addressOf(offset);
      const space = this.#space;
      return this.result = path.store(holder, space, to, size, bigEndian, low, high, NO_ATTRS);
    } finally {
      path.guards.end(holder);
    }
  }

  /** The window in which the published map has the range; null if it is not memory. */
  #renew(guard: ReadGuard): RamWindow | null {
    const view = this.#space.view(guard);
    const generation = this.#space.generation(view);
    if (generation === this.#generation) return this.#window;
    const path = this.#path;
    const resolved = this.#resolved;
    const { length } = this;
    this.#window = null;
    path.translator.translate(
      guard,
      this.#space,
      view,
      this.address,
      length,
      this.#isWrite,
      NO_ATTRS,
      resolved,
    );
    // An IOMMU's answer changes without a new map.
    if (!resolved.translated && isDirect(resolved.flags, this.#isWrite)) {
      this.#ramAddr = path.translator.ramAddr(guard, resolved);
      this.#window = path.ram.locate(guard, resolved.region, this.#ramAddr);
      this.#at = path.ram.at;
      this.#contiguous = Math.min(resolved.length, path.ram.contiguous);
    }
    this.#generation = generation;
    return this.#window;
  }

  #addressOf(offset: number): Address {
    return advance(this.address, offset);
  }

  #check(offset: number, size: number): void {
    if (Number.isInteger(offset) && offset >= 0 && offset + size <= this.length) return;
    throw new FlatViewError("ACCESS_OUT_OF_RANGE", {
      address: offset,
      length: size,
      limit: this.length,
    });
  }
}
