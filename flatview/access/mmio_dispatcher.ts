import { FlatViewError } from "../errors/flat_view_error.ts";
import type { Address } from "../region/address.ts";
import type { MemoryRegionOps, MemTxAttrs } from "../region/region_ops.ts";
import { type AddressTranslator, offsetOf } from "./address_translator.ts";
import {
  type DeviceErrorHandler,
  isWithinLimits,
  readDevice,
  writeDevice,
} from "./device/device_access.ts";
import { EngagedDevices } from "./device/engaged_devices.ts";
import { Halves } from "./device/halves.ts";
import { MemTxResult, RETRY } from "./device/mem_tx_result.ts";
import type { RegionInfo } from "./device/region_records.ts";
import type { AccessGuards, GuardHolder } from "./guard_holder.ts";
import { MmioEndpoint } from "./mmio/endpoint.ts";
import type { EndpointTiming } from "./mmio/endpoint_timing.ts";
import type { MmioChannel } from "./mmio/mmio_channel.ts";
import type { MmioRequest } from "./mmio/mmio_request.ts";
import { hasCallbacks, type ResolvedAddress } from "./resolved_address.ts";

/** What a worker's MMIO dispatcher is made of. */
export interface MmioDispatcherParts {
  /** Token of this context. */
  readonly token: number;
  /** The worker's sections. */
  readonly guards: AccessGuards;
  /** Resolves addresses, and knows the regions. */
  readonly translator: AddressTranslator;
  /** The MMIO channel. */
  readonly channel: MmioChannel | null;
  /** Called with what devices threw. */
  readonly onDeviceError: DeviceErrorHandler;
  /** How waits for other contexts measure time. */
  readonly timing: EndpointTiming;
}

/**
 * One worker's accesses to devices: in place, in another context, and on behalf of other contexts.
 *
 * A callback may access memory itself, so only locals survive one.
 */
export class MmioDispatcher {
  /** The value to write, or the value that was read last. */
  readonly value: Halves = new Halves();
  /** This context's endpoint of the MMIO channel; null without a channel. */
  readonly endpoint: MmioEndpoint | null;
  readonly #token: number;
  readonly #guards: AccessGuards;
  readonly #translator: AddressTranslator;
  readonly #onDeviceError: DeviceErrorHandler;
  readonly #bindings = new Map<number, MemoryRegionOps>();
  readonly #engaged = new EngagedDevices();
  /** The request of the exit that is being made. Fractions keep its fields doubles. */
  readonly #request: { -readonly [Name in keyof MmioRequest]: MmioRequest[Name] } = {
    ...{ region: 0, device: 0, isGuarded: true, cell: 0, regions: 0, topology: 0.5 },
    ...{ address: 0.5, offset: 0.5, size: 0, isWrite: false, bigEndian: false },
    ...{ low: 0.5, high: 0.5, attrs: {} },
  };

  /** @throws {FlatViewError} `MMIO_CHANNEL_FULL` if the channel has no endpoint left. */
  constructor(
    { token, guards, translator, channel, onDeviceError, timing }: MmioDispatcherParts,
  ) {
    this.#token = token;
    this.#guards = guards;
    this.#translator = translator;
    this.#onDeviceError = onDeviceError;
    this.endpoint = channel && new MmioEndpoint(
      channel,
      this.#engaged,
      (request, value) => this.#serveOnline(request, value),
      timing,
    );
  }

  /** Binds callbacks to a region; null unbinds them. */
  bind(region: number, ops: MemoryRegionOps | null): void {
    if (ops === null) this.#bindings.delete(region);
    else this.#bindings.set(region, ops);
  }

  /**
   * Performs one access to an address that is not memory: in place if this worker has bound the
   * callbacks, else in the context that owns the device. `value` holds the value to write, and
   * receives the value read, in the byte order of the access.
   *
   * @returns The `MemTxResult`, or {@linkcode RETRY} if the map changed before the device was reached.
   */
  access(
    holder: GuardHolder,
    resolved: ResolvedAddress,
    size: number,
    isWrite: boolean,
    bigEndian: boolean,
    attrs: MemTxAttrs,
  ): number {
    const { value } = this;
    const { offset } = resolved;
    const info = hasCallbacks(resolved) ? this.#translator.info(holder.guard, resolved) : null;
    if (info === null || !isWithinLimits(info, offset, size)) {
      if (!isWrite) value.set(0, 0);
      return MemTxResult.DECODE_ERROR;
    }
    const ops = this.#bindings.get(info.id);
    if (isWrite && this.#signalEvent(info, ops, offset, size, bigEndian, attrs, value)) {
      return MemTxResult.OK;
    }
    if (info.isGuarded && this.#engaged.has(info.device)) {
      if (!isWrite) value.set(0, 0);
      return MemTxResult.ACCESS_ERROR;
    }
    if (ops) return this.#run(info, ops, offset, size, isWrite, bigEndian, attrs, value);
    return this.#exit(holder, info, resolved, size, isWrite, bigEndian, attrs);
  }

  /**
   * Signals the ioeventfd that a write matches, which takes the callback's place. The device's `accepts`
   * comes first: without the callbacks it cannot be asked here, but where the access is served.
   */
  #signalEvent(
    info: RegionInfo,
    ops: MemoryRegionOps | undefined,
    offset: Address,
    size: number,
    bigEndian: boolean,
    attrs: MemTxAttrs,
    value: Halves,
  ): boolean {
    if (info.hasAccepts && ops === undefined) return false;
    const { records } = this.#translator;
    if (bigEndian !== info.bigEndian) value.swap(size);
    const event = records.findEvent(info, offset, size, value);
    if (bigEndian !== info.bigEndian) value.swap(size);
    if (event === 0 || !accepts(ops, offset, size, attrs)) return false;
    records.signal(event);
    return true;
  }

  /** Calls the device. What it throws becomes a part of the result of the access. */
  #run(
    info: RegionInfo,
    ops: MemoryRegionOps,
    offset: Address,
    size: number,
    isWrite: boolean,
    bigEndian: boolean,
    attrs: MemTxAttrs,
    value: Halves,
  ): MemTxResult {
    const swaps = bigEndian !== info.bigEndian;
    const engaged = this.#engaged;
    const { depth } = engaged;
    if (info.isGuarded) engaged.engage(info.device);
    const onError = this.#onDeviceError;
    try {
      if (!isWrite) {
        const result = readDevice(info, ops, offset, size, attrs, value, onError);
        if (swaps) value.swap(size);
        return result;
      }
      if (swaps) value.swap(size);
      return writeDevice(info, ops, offset, size, attrs, value.low, value.high, onError);
    } finally {
      engaged.releaseTo(depth);
    }
  }

  /** Has the context that owns the device perform the access, while this one is outside its section. */
  #exit(
    holder: GuardHolder,
    info: RegionInfo,
    resolved: ResolvedAddress,
    size: number,
    isWrite: boolean,
    bigEndian: boolean,
    attrs: MemTxAttrs,
  ): number {
    const { id: region, device, isGuarded, context } = info;
    if (context === this.#token) throw new FlatViewError("REGION_UNBOUND", { region });
    if (this.endpoint === null) throw new FlatViewError("NO_MMIO_CHANNEL", { region, context });
    const { space: { handle: { cell, regions, topology } }, address, offset } = resolved;
    const { low, high } = this.value;
    // One object for all: `call` writes it to shared memory before anything else can make a request.
    const request = this.#request;
    request.region = region;
    request.device = device;
    request.isGuarded = isGuarded;
    request.cell = cell;
    request.regions = regions;
    request.topology = topology;
    request.address = address;
    request.offset = offset;
    request.size = size;
    request.isWrite = isWrite;
    request.bigEndian = bigEndian;
    request.low = low;
    request.high = high;
    request.attrs = attrs;
    holder.unlock();
    try {
      return this.endpoint.call(context, request, this.value);
    } finally {
      holder.lock();
    }
  }

  /** Serves a request. An idle worker is offline, and comes online for it. */
  #serveOnline(request: MmioRequest, value: Halves): number {
    const { reader } = this.#guards;
    if (reader.isOnline !== false) return this.#serve(request, value);
    reader.online!();
    try {
      return this.#serve(request, value);
    } finally {
      reader.offline!();
    }
  }

  /**
   * Performs a request of another context. The map may have changed since that context left its
   * section, so the address is looked up again: only if it still shows the same byte of the same
   * region is the device called.
   */
  #serve(request: MmioRequest, value: Halves): number {
    const { region, size, isWrite, bigEndian, attrs, offset } = request;
    const space = this.#translator.spaceAt(request.cell, request.regions, request.topology);
    const ops = this.#bindings.get(region);
    const holder = this.#guards.begin();
    let info: RegionInfo;
    try {
      const row = space.lookup(holder.guard, request.address);
      const isSame = space.region(row) === region &&
        offsetOf(space, row, request.address) === offset;
      if (!isSame) return RETRY;
      info = this.#translator.records.get(holder.guard, region);
      value.set(request.low, request.high);
      // Whoever cannot ask the device whether it accepts a write leaves its ioeventfds to this context.
      const isPosted = isWrite && info.hasAccepts &&
        this.#signalEvent(info, ops, offset, size, bigEndian, attrs, value);
      if (isPosted) return MemTxResult.OK;
    } finally {
      this.#guards.end(holder);
    }
    if (!ops) {
      this.#onDeviceError(new FlatViewError("REGION_UNBOUND", { region }), region);
      return MemTxResult.ERROR;
    }
    return this.#run(info, ops, offset, size, isWrite, bigEndian, attrs, value);
  }
}

/** Whether a device takes a write. If it throws, it is not posted: calling the device reports that. */
function accepts(
  ops: MemoryRegionOps | undefined,
  offset: Address,
  size: number,
  attrs: MemTxAttrs,
): boolean {
  try {
    return ops?.valid?.accepts?.(offset, size, true, attrs) !== false;
  } catch {
    return false;
  }
}
