/**
 * The slow and obvious model of accesses: which region has a byte is found by looking at all of them,
 * memory is accessed byte by byte, and devices are arrays of bytes.
 */
import type { AccessLimits, MemoryRegionOps } from "../region/region_ops.ts";
import { MemTxResult } from "../access/device/mem_tx_result.ts";

/** The kinds of regions that the model knows. */
export type ModelKind = "ram" | "rom" | "romd" | "romdOff" | "ramDevice" | "io" | "reserved";

/** Limits and order of a device. */
export interface ModelLimits {
  readonly validMin: number;
  readonly validMax: number;
  readonly validUnaligned: boolean;
  readonly implMin: number;
  readonly implMax: number;
  readonly implUnaligned: boolean;
  readonly bigEndian: boolean;
}

/** A region of the model: later ones lie over earlier ones. */
export interface ModelRegion {
  readonly kind: ModelKind;
  readonly first: number;
  readonly size: number;
  /** Where its memory starts, for memory. */
  readonly ramAddr: number;
  readonly limits: ModelLimits;
  /** The device's bytes; a little more than the region has, since accesses may run over its end. */
  readonly device: Uint8Array;
}

const DIRECT_READ: readonly ModelKind[] = ["ram", "rom", "romd"];
const HAS_DEVICE: readonly ModelKind[] = ["romd", "romdOff", "ramDevice", "io"];

/** What an access gives: the bytes in the order of their addresses, and the result. */
export interface Outcome {
  readonly bytes: number[];
  readonly result: MemTxResult;
}

/** The slow model of accesses that byte_model_test compares with. */
export class ByteModel {
  /** @param regions Later ones hide earlier ones. @param ram All memory, by ram_addr_t. */
  constructor(readonly regions: readonly ModelRegion[], readonly ram: Uint8Array) {}

  /** Any length, cut into pieces. `from` is what a write writes, null for a read. */
  access(address: number, length: number, from: readonly number[] | null): Outcome {
    const bytes: number[] = [];
    let result: MemTxResult = MemTxResult.OK;
    while (bytes.length < length) {
      const at = address + bytes.length;
      const left = length - bytes.length;
      const region = this.#at(at);
      if (region && this.#isDirect(region, from !== null)) {
        const byte = region.ramAddr + at - region.first;
        if (from !== null) this.ram[byte] = from[bytes.length]!;
        bytes.push(this.ram[byte]!);
        continue;
      }
      const size = this.#piece(region, at, left, from !== null);
      const piece = this.#device(region, at, size, from?.slice(bytes.length) ?? null);
      bytes.push(...piece.bytes);
      result |= piece.result;
    }
    return { bytes, result };
  }

  /** One access of 1, 2, 4 or 8 bytes. */
  typed(address: number, size: number, from: readonly number[] | null): Outcome {
    const region = this.#at(address);
    return region && this.#isDirect(region, from !== null)
      ? this.access(address, size, from)
      : this.#device(region, address, size, from);
  }

  /**
   * One access of a CPU: aligned pieces, none of which crosses a page of 4 KiB. For bytes of memory it
   * makes no difference how they are cut; a device sees each piece. Stores to ROM are dropped.
   */
  cpu(address: number, size: number, from: readonly number[] | null): Outcome {
    const bytes: number[] = [];
    let result: MemTxResult = MemTxResult.OK;
    while (bytes.length < size) {
      const at = address + bytes.length;
      const left = Math.min(size - bytes.length, 4096 - at % 4096);
      let piece = 8;
      while (at % piece !== 0 || left % piece !== 0) piece /= 2;
      const data = from?.slice(bytes.length) ?? null;
      const outcome = data !== null && this.#at(at)?.kind === "rom"
        ? { bytes: data.slice(0, piece), result: MemTxResult.OK }
        : this.typed(at, piece, data);
      bytes.push(...outcome.bytes);
      result |= outcome.result;
    }
    return { bytes, result };
  }

  #at(address: number): ModelRegion | undefined {
    return this.regions.findLast(({ first, size }) => address >= first && address < first + size);
  }

  #isDirect({ kind }: ModelRegion, isWrite: boolean): boolean {
    return isWrite ? kind === "ram" : DIRECT_READ.includes(kind);
  }

  /** Memory ends where its range does; a device does not. */
  #piece(
    region: ModelRegion | undefined,
    at: number,
    left: number,
    isWrite: boolean,
  ): number {
    const hasDevice = region !== undefined && HAS_DEVICE.includes(region.kind);
    const most = hasDevice && region.limits.validMax > 0 ? region.limits.validMax : 4;
    const offset = region ? at - region.first : at;
    const isMemory = region !== undefined &&
      (["rom", "ramDevice"].includes(region.kind) || region.kind === "ram" && isWrite);
    let size = 8;
    const tooLong = () => {
      for (let i = 0; isMemory && i < size; i++) if (this.#at(at + i) !== region) return true;
      return size > left || size > most;
    };
    const unaligned = () => !(hasDevice && region.limits.implUnaligned) && offset % size !== 0;
    while (tooLong() || unaligned()) size /= 2;
    return size;
  }

  #device(
    region: ModelRegion | undefined,
    at: number,
    size: number,
    from: readonly number[] | null,
  ): Outcome {
    const refused = { bytes: Array(size).fill(0), result: MemTxResult.DECODE_ERROR };
    if (!region || !HAS_DEVICE.includes(region.kind)) return refused;
    const { limits, device, first } = region;
    const offset = at - first;
    if (!limits.validUnaligned && offset % size !== 0) return refused;
    if (limits.validMax > 0 && (size < limits.validMin || size > limits.validMax)) return refused;
    if (from !== null) {
      // A widened write writes zeros behind what was asked for.
      const part = Math.max(Math.min(size, limits.implMax), limits.implMin);
      for (let i = 0; i < Math.max(size, part); i++) {
        device[offset + i] = i < size ? from[i]! : 0;
      }
    }
    return { bytes: [...device.subarray(offset, offset + size)], result: MemTxResult.OK };
  }
}

/** Callbacks over an array of bytes, in an order. */
export function byteDevice(device: Uint8Array, limits: ModelLimits): MemoryRegionOps {
  const view = new DataView(device.buffer);
  const little = !limits.bigEndian;
  const sized = (min: number, max: number, unaligned: boolean): AccessLimits => ({
    ...(max === 0 ? {} : { minAccessSize: min, maxAccessSize: max }),
    unaligned,
  });
  return {
    endianness: little ? "little" : "big",
    valid: sized(limits.validMin, limits.validMax, limits.validUnaligned),
    impl: sized(limits.implMin, limits.implMax, limits.implUnaligned),
    read(offset: number, size) {
      if (size === 8) return view.getBigUint64(offset, little);
      if (size === 4) return view.getUint32(offset, little);
      return size === 2 ? view.getUint16(offset, little) : view.getUint8(offset);
    },
    write(offset: number, value, size, _attrs, upper) {
      if (size === 8) {
        view.setUint32(little ? offset : offset + 4, value, little);
        view.setUint32(little ? offset + 4 : offset, upper, little);
      } else if (size === 4) view.setUint32(offset, value, little);
      else if (size === 2) view.setUint16(offset, value, little);
      else view.setUint8(offset, value);
    },
  };
}
