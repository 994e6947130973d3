import type { Arena, RcuReader, ReadGuard } from "@guestmem/rcu";
import { RangeFlag } from "../region/range_flags.ts";
import type { MemTxAttrs } from "../region/region_ops.ts";
import { type Address, toAddress } from "../region/address.ts";
import type { AddressSpaceReader } from "../view/address_space_reader.ts";
import { accessSize, advance } from "./device/device_access.ts";
import { type DeviceErrorHandler, MmioDispatcher } from "./mmio_dispatcher.ts";
import type { GuestMemory, RamWindow } from "./guest_memory.ts";
import type { Halves } from "./device/halves.ts";
import type { MmioChannel } from "./mmio/mmio_channel.ts";
import { RETRY } from "./mmio/channel_structs.ts";
import { RamAccess } from "./ram_access.ts";
import { MemTxResult } from "./device/mem_tx_result.ts";
import { AccessGuards, type GuardHolder } from "./guard_holder.ts";
import { hasCallbacks, isDirect, ResolvedAddress } from "./translation.ts";
import { AddressTranslator } from "./address_translator.ts";
import { FlatViewError } from "../errors/flat_view_error.ts";

const TWO_64 = 1n << 64n;

/** An access without attributes. */
export const NO_ATTRS: MemTxAttrs = {};

/** What an engine is made of; see `MemoryAccessOptions`. */
export interface AccessPathParts {
  /** The arena. */
  readonly arena: Arena;
  /** The worker's reader. */
  readonly reader: RcuReader;
  /** Guest RAM. */
  readonly memory: GuestMemory;
  /** The MMIO channel. */
  readonly channel: MmioChannel | null;
  /** Hears of what devices threw. */
  readonly onDeviceError: DeviceErrorHandler;
}

/**
 * One worker's accesses: reads, writes, loads and stores, each to memory or to a device. Everything
 * here runs inside the section of a {@linkcode GuardHolder}; a callback of this worker does too, and
 * a request to another context does not.
 */
export class AccessPath {
  /** Where the last translation led. */
  readonly target: ResolvedAddress = new ResolvedAddress();
  /** Guest RAM. */
  readonly ram: RamAccess;
  /** The sections of accesses. */
  readonly sections: AccessGuards;
  /** The way to regions. */
  readonly walk: AddressTranslator;
  /** The devices. */
  readonly devices: MmioDispatcher;
  /** The value that was read last. */
  readonly value: Halves;
  /** The arena. */
  readonly arena: Arena;

  /** @throws {FlatViewError} `MMIO_CHANNEL_FULL` if the channel has no place for this context. */
  constructor({ arena, reader, memory, channel, onDeviceError }: AccessPathParts) {
    this.arena = arena;
    this.ram = new RamAccess(memory);
    const sections = this.sections = new AccessGuards(reader);
    const walk = this.walk = new AddressTranslator(arena);
    this.devices = new MmioDispatcher({ arena, sections, walk, channel, onDeviceError });
    this.value = this.devices.value;
  }

  /** Throws unless an access lies in the address space. */
  checkRange(address: Address, length: number): void {
    const isSmall = Number.isSafeInteger(address) && address >= 0 &&
      address as number + length <= 2 ** 53;
    if (isSmall) return;
    const first = toAddress(address, "an address");
    if (first + BigInt(length) > TWO_64) {
      throw new FlatViewError("ACCESS_OUT_OF_RANGE", { address: first, length, limit: TWO_64 });
    }
  }

  /** The ram_addr_t of what was found last, which is direct. */
  ramAddr(section: ReadGuard, target: ResolvedAddress): number {
    return this.walk.info(section, target).ramAddr + Number(target.offset);
  }

  /** Reads any length; `into` gets zeros where nothing answers. */
  read(
    holder: GuardHolder,
    space: AddressSpaceReader,
    address: Address,
    into: Uint8Array,
    attrs: MemTxAttrs,
  ): MemTxResult {
    const { target } = this;
    let result: MemTxResult = MemTxResult.OK;
    let view = space.view(holder.section);
    for (let done = 0; done < into.length;) {
      const left = into.length - done;
      const from = advance(address, done);
      this.walk.translate(holder.section, space, view, from, left, false, attrs, target);
      if (isDirect(target.flags, false)) {
        const window = this.#locate(holder.section, target);
        done += this.ram.copyOut(window, target.length, into, done);
        continue;
      }
      const size = this.#pieceSize(holder.section, target, left);
      const became = this.devices.access(holder, target, size, false, false, attrs);
      // The device may have taken its time, and the section may be another.
      view = space.view(holder.section);
      if (became === RETRY) continue;
      spread(this.value, into, done, size);
      result |= became;
      done += size;
    }
    return result;
  }

  /** Writes any length. */
  write(
    holder: GuardHolder,
    space: AddressSpaceReader,
    address: Address,
    from: Uint8Array,
    attrs: MemTxAttrs,
  ): MemTxResult {
    const { target } = this;
    let result: MemTxResult = MemTxResult.OK;
    let view = space.view(holder.section);
    for (let done = 0; done < from.length;) {
      const left = from.length - done;
      const to = advance(address, done);
      this.walk.translate(holder.section, space, view, to, left, true, attrs, target);
      if (isDirect(target.flags, true)) {
        done += this.#copyIn(holder.section, target, from, done);
        continue;
      }
      const size = this.#pieceSize(holder.section, target, left);
      gather(this.value, from, done, size);
      const became = this.devices.access(holder, target, size, true, false, attrs);
      view = space.view(holder.section);
      if (became === RETRY) continue;
      result |= became;
      done += size;
    }
    return result;
  }

  /** Writes to RAM and ROM alike, and to nothing else: how ROM content is loaded. */
  writeRom(
    holder: GuardHolder,
    space: AddressSpaceReader,
    address: Address,
    from: Uint8Array,
  ): MemTxResult {
    const { target } = this;
    const view = space.view(holder.section);
    let result: MemTxResult = MemTxResult.OK;
    for (let done = 0; done < from.length;) {
      const to = advance(address, done);
      const left = from.length - done;
      this.walk.translate(holder.section, space, view, to, left, true, NO_ATTRS, target);
      const { flags } = target;
      const isMemory = (flags & (RangeFlag.RAM | RangeFlag.ROM_DEVICE)) !== 0 &&
        (flags & RangeFlag.RAM_DEVICE) === 0;
      if (isMemory) {
        target.length = Math.min(target.length, target.remaining);
        done += this.#copyIn(holder.section, target, from, done);
      } else {
        result = MemTxResult.DECODE_ERROR;
        done += this.#pieceSize(holder.section, target, left);
      }
    }
    return result;
  }

  /**
   * Loads 1, 2, 4 or 8 bytes as one access: one of memory if one range has them all, one of a device
   * if the first lies in one. Otherwise the bytes of several ranges. The value is in `value`.
   */
  load(
    holder: GuardHolder,
    space: AddressSpaceReader,
    address: Address,
    size: number,
    bigEndian: boolean,
    attrs: MemTxAttrs,
  ): MemTxResult {
    const { target } = this;
    for (;;) {
      const { section } = holder;
      this.walk.translate(section, space, space.view(section), address, size, false, attrs, target);
      if (isDirect(target.flags, false)) {
        const window = this.#locate(section, target);
        if (Math.min(target.length, this.ram.contiguous) < size) {
          return this.#loadBytes(holder, space, address, size, bigEndian, attrs);
        }
        this.ram.load(window, this.ram.at, size, bigEndian, this.value);
        return MemTxResult.OK;
      }
      const became = this.devices.access(holder, target, size, false, bigEndian, attrs);
      if (became !== RETRY) return became;
    }
  }

  /** Stores 1, 2, 4 or 8 bytes as one access; as `load`. */
  store(
    holder: GuardHolder,
    space: AddressSpaceReader,
    address: Address,
    size: number,
    bigEndian: boolean,
    low: number,
    high: number,
    attrs: MemTxAttrs,
  ): MemTxResult {
    const { target } = this;
    for (;;) {
      const { section } = holder;
      this.walk.translate(section, space, space.view(section), address, size, true, attrs, target);
      if (isDirect(target.flags, true)) {
        const ramAddr = this.ramAddr(section, target);
        const window = this.#locate(section, target);
        if (Math.min(target.length, this.ram.contiguous) < size) {
          return this.#storeBytes(holder, space, address, size, bigEndian, low, high, attrs);
        }
        this.ram.store(window, this.ram.at, size, bigEndian, low, high);
        this.ram.markDirty(section, ramAddr, size, target.flags);
        return MemTxResult.OK;
      }
      this.value.set(low, high);
      this.value.truncate(size);
      const became = this.devices.access(holder, target, size, true, bigEndian, attrs);
      if (became !== RETRY) return became;
    }
  }

  #locate(section: ReadGuard, target: ResolvedAddress): RamWindow {
    return this.ram.locate(section, target.region, this.ramAddr(section, target));
  }

  #copyIn(section: ReadGuard, target: ResolvedAddress, from: Uint8Array, done: number): number {
    const ramAddr = this.ramAddr(section, target);
    const window = this.ram.locate(section, target.region, ramAddr);
    const count = this.ram.copyIn(window, target.length, from, done);
    // The mark comes after the write: whoever takes it then sees what was written.
    this.ram.markDirty(section, ramAddr, count, target.flags);
    return count;
  }

  #loadBytes(
    holder: GuardHolder,
    space: AddressSpaceReader,
    address: Address,
    size: number,
    bigEndian: boolean,
    attrs: MemTxAttrs,
  ): MemTxResult {
    const bytes = new Uint8Array(size);
    const result = this.read(holder, space, address, bytes, attrs);
    gather(this.value, bytes, 0, size);
    if (bigEndian) this.value.swap(size);
    return result;
  }

  #storeBytes(
    holder: GuardHolder,
    space: AddressSpaceReader,
    address: Address,
    size: number,
    bigEndian: boolean,
    low: number,
    high: number,
    attrs: MemTxAttrs,
  ): MemTxResult {
    const bytes = new Uint8Array(size);
    this.value.set(low, high);
    if (bigEndian) this.value.swap(size);
    spread(this.value, bytes, 0, size);
    return this.write(holder, space, address, bytes, attrs);
  }

  #pieceSize(section: ReadGuard, target: ResolvedAddress, left: number): number {
    const info = hasCallbacks(target) ? this.walk.info(section, target) : null;
    return accessSize(info, Math.min(left, target.length), target.offset);
  }
}

/** Writes the lowest `size` bytes of a value, the lowest first. */
function spread({ low, high }: Halves, into: Uint8Array, start: number, size: number): void {
  for (let i = 0; i < size; i++) into[start + i] = i < 4 ? low >>> 8 * i : high >>> 8 * (i - 4);
}

/** Reads a value of `size` bytes, the lowest first. */
function gather(value: Halves, from: Uint8Array, start: number, size: number): void {
  let low = 0;
  let high = 0;
  for (let i = 0; i < size; i++) {
    if (i < 4) low |= from[start + i]! << 8 * i;
    else high |= from[start + i]! << 8 * (i - 4);
  }
  value.set(low, high);
}
