import type { ReadGuard } from "@guestmem/rcu";
import type { Address } from "../region/address.ts";
import type { MemTxAttrs } from "../region/region_ops.ts";
import { lower, upper } from "../region/split64.ts";
import type { AddressSpaceReader } from "../view/address_space_reader.ts";
import { type AccessPath, NO_ATTRS } from "./access_path.ts";
import type { MemTxResult } from "./device/mem_tx_result.ts";
import type { GuestMapping, Mappings } from "./guest_mapping.ts";
import { MemoryRegionCache } from "./memory_region_cache.ts";
import { ResolvedAddress } from "./resolved_address.ts";
import { Translation } from "./translation.ts";

/** Gives the package's other modules the path that a space's accesses take. */
export let pathOf: (space: GuestSpace) => AccessPath;

/**
 * An address space as one worker accesses it; from `MemoryAccess.attach`.
 *
 * Addresses are numbers up to 2^53 - 1, or bigints up to 2^64 - 1. Reads, writes, loads and stores
 * each enter a read-side section. They may be called inside one, but then an access that needs another
 * context is refused with a `WaitInSectionError`.
 *
 * A **load or store** is one access: an aligned one of memory never tears, and a device sees its size.
 * Loads are unsigned. One that nothing answers returns 0; its result is in {@linkcode result}. A
 * **read or write** is split into pieces as the regions on its way require.
 */
export class GuestSpace {
  /** Name of the address space. */
  readonly name: string;
  /** @internal */
  readonly reader: AddressSpaceReader;
  /** Result of the last load or store. */
  result: MemTxResult = 0;
  /** The upper half of the last load of eight bytes, unsigned. */
  upper: number = 0;
  readonly #path: AccessPath;
  readonly #mappings: Mappings;
  readonly #resolved = new ResolvedAddress();
  readonly #translation = new Translation(this.#resolved);

  static {
    pathOf = (space) => space.#path;
  }

  /** @internal */
  constructor(path: AccessPath, reader: AddressSpaceReader, mappings: Mappings) {
    this.name = reader.name;
    this.reader = reader;
    this.#path = path;
    this.#mappings = mappings;
  }

  /**
   * Finds where an access goes, through IOMMUs as well.
   *
   * @param guard The guard of an open section of the domain that the topology publishes with.
   * @param length Bytes; the translation may cover fewer.
   * @returns The translation: the same object each time, valid until the section ends.
   * @throws {FlatViewError} `ACCESS_OUT_OF_RANGE` if the access runs beyond the address space.
   * @throws {FlatViewError} `IOMMU_UNBOUND` if the worker has no translator for an IOMMU on the way.
   */
  translate(
    guard: ReadGuard,
    address: Address,
    length: number,
    isWrite: boolean,
    attrs: MemTxAttrs = NO_ATTRS,
  ): Translation {
    this.#path.checkRange(address, length);
    const view = this.reader.view(guard);
    const resolved = this.#resolved;
    this.#path.translator.translate(
      guard,
      this.reader,
      view,
      address,
      length,
      isWrite,
      attrs,
      resolved,
    );
    return this.#translation.renew(this.#path.arena.debug ? guard : null, isWrite);
  }

  /**
   * Reads bytes.
   *
   * @param into Is filled; with zeros where nothing answers.
   * @returns The results of all pieces, ORed.
   * @throws {FlatViewError} `ACCESS_OUT_OF_RANGE` if it runs beyond the address space; nothing was read.
   */
  read(address: Address, into: Uint8Array, attrs: MemTxAttrs = NO_ATTRS): MemTxResult {
    const path = this.#path;
    path.checkRange(address, into.length);
    const holder = path.guards.begin();
    try {
      return path.bytes.read(holder, this.reader, address, into, attrs);
    } finally {
      path.guards.end(holder);
    }
  }

  /**
   * Writes bytes.
   *
   * @returns The results of all pieces, ORed.
   * @throws {FlatViewError} `ACCESS_OUT_OF_RANGE` if it runs beyond the address space; nothing was written.
   */
  write(address: Address, from: Uint8Array, attrs: MemTxAttrs = NO_ATTRS): MemTxResult {
    const path = this.#path;
    path.checkRange(address, from.length);
    const holder = path.guards.begin();
    try {
      return path.bytes.write(holder, this.reader, address, from, attrs);
    } finally {
      path.guards.end(holder);
    }
  }

  /**
   * Loads content into memory that the guest cannot write. RAM, ROM, RAM devices and ROM devices in
   * romd mode take it; a part that lies anywhere else is left out.
   *
   * @returns `DECODE_ERROR` if a part was left out.
   * @throws {FlatViewError} `ACCESS_OUT_OF_RANGE` if it runs beyond the address space; nothing was written.
   */
  writeRom(address: Address, from: Uint8Array): MemTxResult {
    const path = this.#path;
    path.checkRange(address, from.length);
    const holder = path.guards.begin();
    try {
      return path.bytes.writeRom(holder, this.reader, address, from);
    } finally {
      path.guards.end(holder);
    }
  }

  /** Loads a byte. */
  load8(address: Address, attrs: MemTxAttrs = NO_ATTRS): number {
    return this.#load(address, 1, false, attrs);
  }

  /** Loads two bytes, little-endian. */
  load16le(address: Address, attrs: MemTxAttrs = NO_ATTRS): number {
    return this.#load(address, 2, false, attrs);
  }

  /** Loads two bytes, big-endian. */
  load16be(address: Address, attrs: MemTxAttrs = NO_ATTRS): number {
    return this.#load(address, 2, true, attrs);
  }

  /** Loads four bytes, little-endian, unsigned. */
  load32le(address: Address, attrs: MemTxAttrs = NO_ATTRS): number {
    return this.#load(address, 4, false, attrs);
  }

  /** Loads four bytes, big-endian, unsigned. */
  load32be(address: Address, attrs: MemTxAttrs = NO_ATTRS): number {
    return this.#load(address, 4, true, attrs);
  }

  /** Loads eight bytes, little-endian: returns the lower half; the upper half is in {@linkcode upper}. */
  load64le(address: Address, attrs: MemTxAttrs = NO_ATTRS): number {
    return this.#load(address, 8, false, attrs);
  }

  /** Loads eight bytes, big-endian: returns the lower half; the upper half is in {@linkcode upper}. */
  load64be(address: Address, attrs: MemTxAttrs = NO_ATTRS): number {
    return this.#load(address, 8, true, attrs);
  }

  /** Loads eight bytes, little-endian, as a bigint; slower than `load64le`. */
  loadBig64le(address: Address, attrs: MemTxAttrs = NO_ATTRS): bigint {
    const low = this.#load(address, 8, false, attrs);
    return BigInt(this.upper) << 32n | BigInt(low);
  }

  /** Loads eight bytes, big-endian, as a bigint; slower than `load64be`. */
  loadBig64be(address: Address, attrs: MemTxAttrs = NO_ATTRS): bigint {
    const low = this.#load(address, 8, true, attrs);
    return BigInt(this.upper) << 32n | BigInt(low);
  }

  /** Stores a byte. */
  store8(address: Address, value: number, attrs: MemTxAttrs = NO_ATTRS): MemTxResult {
    return this.#store(address, 1, false, value, 0, attrs);
  }

  /** Stores two bytes, little-endian. */
  store16le(address: Address, value: number, attrs: MemTxAttrs = NO_ATTRS): MemTxResult {
    return this.#store(address, 2, false, value, 0, attrs);
  }

  /** Stores two bytes, big-endian. */
  store16be(address: Address, value: number, attrs: MemTxAttrs = NO_ATTRS): MemTxResult {
    return this.#store(address, 2, true, value, 0, attrs);
  }

  /** Stores four bytes, little-endian. */
  store32le(address: Address, value: number, attrs: MemTxAttrs = NO_ATTRS): MemTxResult {
    return this.#store(address, 4, false, value, 0, attrs);
  }

  /** Stores four bytes, big-endian. */
  store32be(address: Address, value: number, attrs: MemTxAttrs = NO_ATTRS): MemTxResult {
    return this.#store(address, 4, true, value, 0, attrs);
  }

  /** Stores eight bytes, little-endian, given as two halves. */
  store64le(
    address: Address,
    low: number,
    upper: number,
    attrs: MemTxAttrs = NO_ATTRS,
  ): MemTxResult {
    return this.#store(address, 8, false, low, upper, attrs);
  }

  /** Stores eight bytes, big-endian, given as two halves. */
  store64be(
    address: Address,
    low: number,
    upper: number,
    attrs: MemTxAttrs = NO_ATTRS,
  ): MemTxResult {
    return this.#store(address, 8, true, low, upper, attrs);
  }

  /** Stores eight bytes, little-endian; slower than `store64le`. */
  storeBig64le(address: Address, value: bigint, attrs: MemTxAttrs = NO_ATTRS): MemTxResult {
    return this.#store(address, 8, false, lower(value), upper(value), attrs);
  }

  /** Stores eight bytes, big-endian; slower than `store64be`. */
  storeBig64be(address: Address, value: bigint, attrs: MemTxAttrs = NO_ATTRS): MemTxResult {
    return this.#store(address, 8, true, lower(value), upper(value), attrs);
  }

  /**
   * Maps guest memory, for access through a plain array outside of sections. Memory is mapped
   * directly, as far as one region has it without a gap. Anything else goes through a bounce buffer,
   * which is filled now to be read, or written back at `unmap`.
   *
   * @param length Bytes; fewer may be mapped.
   * @param isWrite Whether the mapping is for writing, rather than for reading.
   * @returns The mapping. The memory lives until it is unmapped, even if its region is unplugged.
   * @throws {FlatViewError} `BOUNCE_BUFFERS_BUSY` if it needs a bounce buffer and none is free; see
   * `MemoryAccess.onBounceBufferFree`.
   * @throws {FlatViewError} `ACCESS_OUT_OF_RANGE` if it runs beyond the address space.
   */
  map(
    address: Address,
    length: number,
    isWrite: boolean,
    attrs: MemTxAttrs = NO_ATTRS,
  ): GuestMapping {
    return this.#mappings.map(this.reader, address, length, isWrite, attrs);
  }

  /**
   * A cached translation, for memory that is accessed again and again, such as a device's ring.
   *
   * @throws {FlatViewError} `ACCESS_OUT_OF_RANGE` if it runs beyond the address space.
   */
  cache(address: Address, length: number, isWrite: boolean): MemoryRegionCache {
    return new MemoryRegionCache(this.#path, this.reader, address, length, isWrite);
  }

  #load(address: Address, size: number, bigEndian: boolean, attrs: MemTxAttrs): number {
    const path = this.#path;
    path.checkRange(address, size);
    const holder = path.guards.begin();
    try {
      this.result = path.load(holder, this.reader, address, size, bigEndian, attrs);
      this.upper = path.value.high;
      return path.value.low;
    } finally {
      path.guards.end(holder);
    }
  }

  #store(
    address: Address,
    size: number,
    bigEndian: boolean,
    low: number,
    high: number,
    attrs: MemTxAttrs,
  ): MemTxResult {
    const path = this.#path;
    path.checkRange(address, size);
    const holder = path.guards.begin();
    try {
      return this.result = path.store(
        holder,
        this.reader,
        address,
        size,
        bigEndian,
        low,
        high,
        attrs,
      );
    } finally {
      path.guards.end(holder);
    }
  }
}
