import type { ReadGuard } from "@guestmem/rcu";
import { FlatViewError } from "../errors/flat_view_error.ts";
import { type Address, toAddress } from "../region/address.ts";
import { RangeFlag } from "../region/range_flags.ts";
import type { MemTxAttrs } from "../region/region_ops.ts";
import type { AddressSpaceReader } from "../view/address_space_reader.ts";
import { AddressTranslator } from "./address_translator.ts";
import type { AccessMemory } from "./device/access_memory.ts";
import { accessSize, advance, type DeviceErrorHandler } from "./device/device_access.ts";
import type { Halves } from "./device/halves.ts";
import { MemTxResult, RETRY } from "./device/mem_tx_result.ts";
import { AccessGuards, type AccessReader, type GuardHolder } from "./guard_holder.ts";
import type { GuestMemory, RamWindow } from "./guest_memory.ts";
import type { EndpointTiming } from "./mmio/endpoint_timing.ts";
import type { MmioChannel } from "./mmio/mmio_channel.ts";
import { MmioDispatcher } from "./mmio_dispatcher.ts";
import { RamAccess } from "./ram_access.ts";
import { hasCallbacks, isDirect, isRom, ResolvedAddress } from "./resolved_address.ts";

const TWO_64 = 1n << 64n;

/** An access without attributes. */
export const NO_ATTRS: MemTxAttrs = {};

/** What an access path is made of; see `MemoryAccess`. */
export interface AccessPathParts {
  /** The shared memory. */
  readonly arena: AccessMemory;
  /** The worker's reader. */
  readonly reader: AccessReader;
  /** Guest RAM. */
  readonly memory: GuestMemory;
  /** The MMIO channel. */
  readonly channel: MmioChannel | null;
  /** Called with what a device threw. */
  readonly onDeviceError: DeviceErrorHandler;
  /** How waits for other contexts measure time. */
  readonly timing: EndpointTiming;
}

/**
 * One worker's way to memory and devices: reads, writes, loads and stores. Everything here runs in
 * the section of a {@linkcode GuardHolder}. A callback in this worker runs in it too; a request to
 * another context does not: the section is left for it, and another one entered afterwards.
 */
export class AccessPath {
  /** Where the last translation led. */
  readonly resolved: ResolvedAddress = new ResolvedAddress();
  /** Guest RAM. */
  readonly ram: RamAccess;
  /** The sections of single accesses. */
  readonly guards: AccessGuards;
  /** Resolves addresses. */
  readonly translator: AddressTranslator;
  /** The devices. */
  readonly dispatcher: MmioDispatcher;
  /** The value that was loaded last. */
  readonly value: Halves;
  /** The shared memory. */
  readonly arena: AccessMemory;

  /** @throws {FlatViewError} `MMIO_CHANNEL_FULL` if the channel has no endpoint left. */
  constructor({ arena, reader, memory, channel, onDeviceError, timing }: AccessPathParts) {
    this.arena = arena;
    const { token } = arena;
    this.ram = new RamAccess(memory);
    const guards = this.guards = new AccessGuards(reader);
    const translator = this.translator = new AddressTranslator(arena);
    this.dispatcher = new MmioDispatcher({
      ...{ token, guards, translator, channel, onDeviceError, timing },
    });
    this.value = this.dispatcher.value;
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

  /** The `ram_addr_t` of a resolved address, which is direct. */
  ramAddr(guard: ReadGuard, resolved: ResolvedAddress): number {
    return this.translator.info(guard, resolved).ramAddr + Number(resolved.offset);
  }

  /** Reads any number of bytes; `into` gets zeros where nothing answers. */
  read(
    holder: GuardHolder,
    space: AddressSpaceReader,
    address: Address,
    into: Uint8Array,
    attrs: MemTxAttrs,
  ): MemTxResult {
    const { resolved } = this;
    let result: MemTxResult = MemTxResult.OK;
    let view = holder.view(space);
    for (let done = 0; done < into.length;) {
      const left = into.length - done;
      const from = advance(address, done);
      this.translator.translate(holder.guard, space, view, from, left, false, attrs, resolved);
      if (isDirect(resolved.flags, false)) {
        this.#locate(holder.guard, this.ramAddr(holder.guard, resolved));
        done += this.ram.copyOut(resolved.length, into, done);
        continue;
      }
      const size = this.#pieceSize(holder.guard, left);
      const outcome = this.dispatcher.access(holder, resolved, size, false, false, attrs);
      // The access may have left the section and entered another, which has its own view.
      view = holder.view(space);
      if (outcome === RETRY) continue;
      spread(this.value, into, done, size);
      result |= outcome;
      done += size;
    }
    return result;
  }

  /** Writes any number of bytes. */
  write(
    holder: GuardHolder,
    space: AddressSpaceReader,
    address: Address,
    from: Uint8Array,
    attrs: MemTxAttrs,
  ): MemTxResult {
    const { resolved } = this;
    let result: MemTxResult = MemTxResult.OK;
    let view = holder.view(space);
    for (let done = 0; done < from.length;) {
      const left = from.length - done;
      const to = advance(address, done);
      this.translator.translate(holder.guard, space, view, to, left, true, attrs, resolved);
      if (isDirect(resolved.flags, true)) {
        done += this.#locateAndCopyIn(holder.guard, from, done);
        continue;
      }
      const size = this.#pieceSize(holder.guard, left);
      gather(this.value, from, done, size);
      const outcome = this.dispatcher.access(holder, resolved, size, true, false, attrs);
      view = holder.view(space);
      if (outcome === RETRY) continue;
      result |= outcome;
      done += size;
    }
    return result;
  }

  /** Writes to RAM, to ROM and to ROM devices in romd mode, and to nothing else: loads ROM contents. */
  writeRom(
    holder: GuardHolder,
    space: AddressSpaceReader,
    address: Address,
    from: Uint8Array,
  ): MemTxResult {
    const { resolved } = this;
    const { guard } = holder;
    const view = holder.view(space);
    let result: MemTxResult = MemTxResult.OK;
    for (let done = 0; done < from.length;) {
      const to = advance(address, done);
      const left = from.length - done;
      this.translator.translate(guard, space, view, to, left, true, NO_ATTRS, resolved);
      if ((resolved.flags & (RangeFlag.RAM | RangeFlag.ROMD)) !== 0) {
        resolved.length = Math.min(resolved.length, resolved.remaining);
        done += this.#locateAndCopyIn(guard, from, done);
      } else {
        result = MemTxResult.DECODE_ERROR;
        done += this.#pieceSize(guard, left);
      }
    }
    return result;
  }

  /**
   * Loads 1, 2, 4 or 8 bytes as one access: of memory if one range has all of them, of a device if
   * the first byte lies in one. Otherwise it loads the bytes of several ranges. The value is left in
   * `value`.
   */
  load(
    holder: GuardHolder,
    space: AddressSpaceReader,
    address: Address,
    size: number,
    bigEndian: boolean,
    attrs: MemTxAttrs,
  ): MemTxResult {
    const { resolved } = this;
    for (;;) {
      const { guard } = holder;
      const view = holder.view(space);
      this.translator.translate(guard, space, view, address, size, false, attrs, resolved);
      if (isDirect(resolved.flags, false)) {
        const { ram } = this;
        const window = this.#locate(guard, this.ramAddr(guard, resolved));
        if (!this.isWhole(size)) {
          return this.loadPieces(holder, space, address, size, bigEndian, attrs);
        }
        ram.load(window, ram.at, size, bigEndian, this.value);
        return MemTxResult.OK;
      }
      const outcome = this.dispatcher.access(holder, resolved, size, false, bigEndian, attrs);
      if (outcome !== RETRY) return outcome;
    }
  }

  /** Stores 1, 2, 4 or 8 bytes as one access, on the terms of `load`. */
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
    const { resolved } = this;
    for (;;) {
      const { guard } = holder;
      const view = holder.view(space);
      this.translator.translate(guard, space, view, address, size, true, attrs, resolved);
      if (isDirect(resolved.flags, true)) {
        const { ram } = this;
        const ramAddr = this.ramAddr(guard, resolved);
        const window = this.#locate(guard, ramAddr);
        if (!this.isWhole(size)) {
          this.value.set(low, high);
          return this.storePieces(holder, space, address, size, bigEndian, attrs);
        }
        ram.store(window, ram.at, size, bigEndian, low, high);
        ram.markDirty(guard, ramAddr, size, resolved.flags);
        return MemTxResult.OK;
      }
      this.value.set(low, high);
      this.value.truncate(size);
      const outcome = this.dispatcher.access(holder, resolved, size, true, bigEndian, attrs);
      if (outcome !== RETRY) return outcome;
    }
  }

  /** Whether the memory that was resolved and located last has all bytes of an access in one piece. */
  isWhole(size: number): boolean {
    return this.resolved.length >= size && this.ram.contiguous >= size;
  }

  /**
   * Loads the bytes of several ranges: first those in the memory that was resolved and located last,
   * for `address` in `space`, then the rest, wherever it lies.
   */
  loadPieces(
    holder: GuardHolder,
    space: AddressSpaceReader,
    address: Address,
    size: number,
    bigEndian: boolean,
    attrs: MemTxAttrs,
  ): MemTxResult {
    const bytes = new Uint8Array(size);
    const done = this.ram.copyOut(this.resolved.length, bytes, 0);
    const rest = bytes.subarray(done);
    const result = this.read(holder, space, advance(address, done), rest, attrs);
    gather(this.value, bytes, 0, size);
    if (bigEndian) this.value.swap(size);
    return result;
  }

  /** Stores `value` to several ranges, on the terms of `loadPieces`. The bytes in ROM are dropped. */
  storePieces(
    holder: GuardHolder,
    space: AddressSpaceReader,
    address: Address,
    size: number,
    bigEndian: boolean,
    attrs: MemTxAttrs,
  ): MemTxResult {
    const bytes = new Uint8Array(size);
    if (bigEndian) this.value.swap(size);
    spread(this.value, bytes, 0, size);
    const { guard } = holder;
    const { resolved } = this;
    const done = isRom(resolved.flags)
      ? resolved.length
      : this.#copyIn(guard, this.ramAddr(guard, resolved), bytes, 0);
    return this.write(holder, space, advance(address, done), bytes.subarray(done), attrs);
  }

  #locate(guard: ReadGuard, ramAddr: number): RamWindow {
    return this.ram.locate(guard, this.resolved.region, ramAddr);
  }

  /** Copies into the memory that was resolved and located last. @returns How many bytes. */
  #copyIn(guard: ReadGuard, ramAddr: number, from: Uint8Array, done: number): number {
    const { length, flags } = this.resolved;
    const count = this.ram.copyIn(length, from, done);
    // The mark follows the write: whoever takes the mark then sees what was written.
    this.ram.markDirty(guard, ramAddr, count, flags);
    return count;
  }

  #locateAndCopyIn(guard: ReadGuard, from: Uint8Array, done: number): number {
    const ramAddr = this.ramAddr(guard, this.resolved);
    this.#locate(guard, ramAddr);
    return this.#copyIn(guard, ramAddr, from, done);
  }

  #pieceSize(guard: ReadGuard, left: number): number {
    const { resolved } = this;
    const info = hasCallbacks(resolved) ? this.translator.info(guard, resolved) : null;
    return accessSize(info, Math.min(left, resolved.length), resolved.offset);
  }
}

/** Writes the lowest `size` bytes of a value, lowest first. */
function spread({ low, high }: Halves, into: Uint8Array, start: number, size: number): void {
  for (let i = 0; i < size; i++) into[start + i] = i < 4 ? low >>> 8 * i : high >>> 8 * (i - 4);
}

/** Reads a value of `size` bytes, lowest first. */
function gather(value: Halves, from: Uint8Array, start: number, size: number): void {
  let low = 0;
  let high = 0;
  for (let i = 0; i < size; i++) {
    if (i < 4) low |= from[start + i]! << 8 * i;
    else high |= from[start + i]! << 8 * (i - 4);
  }
  value.set(low, high);
}
