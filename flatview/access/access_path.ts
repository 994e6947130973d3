import { FlatViewError } from "../errors/flat_view_error.ts";
import { type Address, toAddress } from "../region/address.ts";
import type { MemTxAttrs } from "../region/region_ops.ts";
import type { AddressSpaceReader } from "../view/address_space_reader.ts";
import { AddressTranslator } from "./address_translator.ts";
import { ByteAccess } from "./byte_access.ts";
import type { AccessMemory } from "./device/access_memory.ts";
import { advance, type DeviceErrorHandler } from "./device/device_access.ts";
import type { Halves } from "./device/halves.ts";
import { MemTxResult, RETRY } from "./device/mem_tx_result.ts";
import { AccessGuards, type AccessReader, type GuardHolder } from "./guard_holder.ts";
import type { GuestMemory } from "./guest_memory.ts";
import type { EndpointTiming } from "./mmio/endpoint_timing.ts";
import type { MmioChannel } from "./mmio/mmio_channel.ts";
import { MmioDispatcher } from "./mmio_dispatcher.ts";
import { RamAccess } from "./ram_access.ts";
import { isDirect, isRom, ResolvedAddress } from "./resolved_address.ts";

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
 * One worker's way to memory and devices: loads and stores, and {@linkcode ByteAccess}. Everything runs in
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
  /** Reads and writes of any length. */
  readonly bytes: ByteAccess;
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
    this.bytes = new ByteAccess(this.resolved, this.ram, translator, this.dispatcher);
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
        const window = ram.locate(guard, resolved.region, this.translator.ramAddr(guard, resolved));
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
        const ramAddr = this.translator.ramAddr(guard, resolved);
        const window = ram.locate(guard, resolved.region, ramAddr);
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
    const result = this.bytes.read(holder, space, advance(address, done), rest, attrs);
    this.value.gather(bytes, 0, size);
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
    this.value.spread(bytes, 0, size);
    const { guard } = holder;
    const { resolved } = this;
    const done = isRom(resolved.flags)
      ? resolved.length
      : this.bytes.copyIn(guard, this.translator.ramAddr(guard, resolved), bytes, 0);
    return this.bytes.write(holder, space, advance(address, done), bytes.subarray(done), attrs);
  }
}
