import { type Arena, QsbrReader } from "@guestmem/rcu";
import type { MemoryRegionOps, MemTxAttrs } from "../region/region_ops.ts";
import {
  isWithinLimits,
  readDevice,
  type RegionOffset,
  writeDevice,
} from "./device/device_access.ts";
import { Halves } from "./device/halves.ts";
import type { MmioChannel } from "./mmio/mmio_channel.ts";
import { RETRY } from "./mmio/channel_structs.ts";
import { MmioEndpoint } from "./mmio/endpoint.ts";
import type { MmioRequest } from "./mmio/mmio_request.ts";
import type { RegionInfo } from "./device/region_records.ts";
import { MemTxResult } from "./device/mem_tx_result.ts";
import type { AccessGuards, GuardHolder } from "./guard_holder.ts";
import { hasCallbacks, type ResolvedAddress } from "./translation.ts";
import { type AddressTranslator, offsetOf } from "./address_translator.ts";
import { FlatViewError } from "../errors/flat_view_error.ts";

/** Hears of what devices of this context threw. */
export type DeviceErrorHandler = (error: unknown, region: number) => void;

/** What the devices of a worker stand on. */
export interface MmioDispatcherParts {
  /** The arena. */
  readonly arena: Arena;
  /** The worker's sections. */
  readonly sections: AccessGuards;
  /** Its way to regions. */
  readonly walk: AddressTranslator;
  /** The MMIO channel. */
  readonly channel: MmioChannel | null;
  /** Hears of what devices threw. */
  readonly onDeviceError: DeviceErrorHandler;
}

/**
 * One worker's accesses to devices: in place, in another context, and on behalf of others.
 *
 * A callback may access memory itself, so nothing but locals is kept across one.
 */
export class MmioDispatcher {
  /** The value that is to be written, or was read last. */
  readonly value: Halves = new Halves();
  /** This context's place in the MMIO channel. */
  readonly port: MmioEndpoint | null;
  readonly #arena: Arena;
  readonly #sections: AccessGuards;
  readonly #walk: AddressTranslator;
  readonly #onDeviceError: DeviceErrorHandler;
  readonly #bindings = new Map<number, MemoryRegionOps>();
  readonly #engaged: number[];

  /** @throws {FlatViewError} `MMIO_CHANNEL_FULL` if the channel has no place for this context. */
  constructor({ arena, sections, walk, channel, onDeviceError }: MmioDispatcherParts) {
    this.#arena = arena;
    this.#sections = sections;
    this.#walk = walk;
    this.#onDeviceError = onDeviceError;
    this.port = channel &&
      new MmioEndpoint(channel, (request, value) => this.#serveOnline(request, value));
    this.#engaged = this.port?.engaged ?? [];
  }

  /** Binds callbacks to a region; null unbinds. */
  bind(region: number, ops: MemoryRegionOps | null): void {
    if (ops === null) this.#bindings.delete(region);
    else this.#bindings.set(region, ops);
  }

  /**
   * One access to what is no memory: in place if this worker has the callbacks, in the context that
   * owns the device if not. A value to be written is in `value`, what was read is there afterwards,
   * both in the access's byte order.
   *
   * @returns What became of it, or {@linkcode RETRY} if the map has changed on the way.
   */
  access(
    holder: GuardHolder,
    target: ResolvedAddress,
    size: number,
    isWrite: boolean,
    bigEndian: boolean,
    attrs: MemTxAttrs,
  ): number {
    const { value } = this;
    const info = hasCallbacks(target) ? this.#walk.info(holder.section, target) : null;
    if (info === null || !isWithinLimits(info, target.offset, size)) {
      if (!isWrite) value.set(0, 0);
      return MemTxResult.DECODE_ERROR;
    }
    if (isWrite && this.#isPosted(info, target, size, bigEndian)) return MemTxResult.OK;
    if (this.#engaged.includes(info.device)) {
      if (!isWrite) value.set(0, 0);
      return MemTxResult.ACCESS_ERROR;
    }
    const ops = this.#bindings.get(info.id);
    if (ops) return this.#run(info, ops, target.offset, size, isWrite, bigEndian, attrs, value);
    return this.#exit(holder, info, target, size, isWrite, bigEndian, attrs);
  }

  /** Whether a write matches an ioeventfd, which is then signalled. */
  #isPosted(info: RegionInfo, target: ResolvedAddress, size: number, bigEndian: boolean): boolean {
    const { value } = this;
    if (bigEndian !== info.bigEndian) value.swap(size);
    const isPosted = this.#walk.records.signalEvents(info, target.offset, size, value);
    if (bigEndian !== info.bigEndian) value.swap(size);
    return isPosted;
  }

  /** Calls the device; what it throws is the access's error. */
  #run(
    info: RegionInfo,
    ops: MemoryRegionOps,
    offset: RegionOffset,
    size: number,
    isWrite: boolean,
    bigEndian: boolean,
    attrs: MemTxAttrs,
    value: Halves,
  ): MemTxResult {
    const swaps = bigEndian !== info.bigEndian;
    const engaged = this.#engaged.length;
    this.#engaged.push(info.device);
    try {
      if (!isWrite) {
        const result = readDevice(info, ops, offset, size, attrs, value);
        if (swaps) value.swap(size);
        return result;
      }
      if (swaps) value.swap(size);
      return writeDevice(info, ops, offset, size, attrs, value.low, value.high);
    } catch (error) {
      if (!isWrite) value.set(0, 0);
      this.#onDeviceError(error, info.id);
      return MemTxResult.ERROR;
    } finally {
      this.#engaged.length = engaged;
    }
  }

  /** Has the context that owns the device perform the access, outside of the section. */
  #exit(
    holder: GuardHolder,
    info: RegionInfo,
    target: ResolvedAddress,
    size: number,
    isWrite: boolean,
    bigEndian: boolean,
    attrs: MemTxAttrs,
  ): number {
    if (info.context === this.#arena.token) {
      throw new FlatViewError("REGION_UNBOUND", { region: info.id });
    }
    if (this.port === null) {
      throw new FlatViewError("NO_MMIO_CHANNEL", { region: info.id, context: info.context });
    }
    const { handle } = target.space;
    const request: MmioRequest = {
      region: info.id,
      device: info.device,
      space: handle.cell,
      regions: handle.regions,
      topology: handle.topology,
      address: target.address,
      offset: target.offset,
      size,
      isWrite,
      bigEndian,
      low: this.value.low,
      high: this.value.high,
      attrs,
    };
    holder.leave();
    try {
      return this.port.call(info.context, request, this.value);
    } finally {
      holder.enter();
    }
  }

  /** A worker that is idle is offline: it comes online for what it serves. */
  #serveOnline(request: MmioRequest, value: Halves): number {
    const { reader } = this.#sections;
    if (!(reader instanceof QsbrReader) || reader.isOnline) return this.#serve(request, value);
    reader.online();
    try {
      return this.#serve(request, value);
    } finally {
      reader.offline();
    }
  }

  /**
   * Runs a request of another context. The map may have changed since that one has left its section:
   * what its address shows now is what counts.
   */
  #serve(request: MmioRequest, value: Halves): number {
    const { region, size, isWrite, bigEndian, attrs, offset } = request;
    const space = this.#walk.spaceAt(request.space, request.regions, request.topology);
    const holder = this.#sections.begin();
    let info: RegionInfo;
    try {
      const row = space.lookup(holder.section, request.address);
      const isSame = space.region(row) === region &&
        offsetOf(space, row, request.address) === offset;
      if (!isSame) return RETRY;
      info = this.#walk.records.get(holder.section, region);
    } finally {
      this.#sections.end(holder);
    }
    const ops = this.#bindings.get(region);
    if (!ops) {
      this.#onDeviceError(new FlatViewError("REGION_UNBOUND", { region }), region);
      return MemTxResult.ERROR;
    }
    value.set(request.low, request.high);
    return this.#run(info, ops, offset, size, isWrite, bigEndian, attrs, value);
  }
}
