/**
 * How an access becomes callbacks: which accesses are valid, how large the pieces are, and how a
 * piece is split or widened to the sizes that the callbacks implement. The rules are those of QEMU's
 * `memory_region_access_valid`, `memory_access_size` and `access_with_adjusted_size`.
 */

import type { Address } from "../../region/address.ts";
import type { MemoryRegionOps, MemTxAttrs } from "../../region/region_ops.ts";
import { Halves, shiftedHigh, shiftedLow } from "./halves.ts";
import { MemTxResult } from "./mem_tx_result.ts";
import type { RegionInfo } from "./region_records.ts";

/** Called with what a device of this context threw, and the id of its region. */
export type DeviceErrorHandler = (error: unknown, region: number) => void;

/** The results that a device may give. */
const FAILED = MemTxResult.ERROR | MemTxResult.DECODE_ERROR | MemTxResult.ACCESS_ERROR;

/** The address or offset `by` bytes further on, as a number where that is exact. */
export function advance(address: Address, by: number): Address {
  if (typeof address === "bigint") return address + BigInt(by);
  const sum = address + by;
  return sum <= Number.MAX_SAFE_INTEGER ? sum : BigInt(address) + BigInt(by);
}

/** The lowest three bits of an offset. Of a number `&` takes them too, and `%` would divide doubles. */
function lowBits(offset: Address): number {
  return typeof offset === "number" ? offset & 7 : Number(offset & 7n);
}

/**
 * Size of the next piece of an access.
 *
 * @param region The region; null if it has no callbacks.
 * @param length Bytes that are left. @param offset Offset in the region.
 * @returns 1, 2, 4 or 8.
 */
export function accessSize(
  region: RegionInfo | null,
  length: number,
  offset: Address,
): number {
  let most = region?.validMax || 4;
  const low = lowBits(offset);
  if (!region?.implUnaligned && low !== 0) most = Math.min(most, low & -low);
  const size = Math.min(most, length);
  return size >= 8 ? 8 : size >= 4 ? 4 : size >= 2 ? 2 : 1;
}

/** Whether the region's limits allow an access. The device's own `accepts` is asked separately. */
export function isWithinLimits(region: RegionInfo, offset: Address, size: number): boolean {
  if (!region.validUnaligned && (lowBits(offset) & (size - 1)) !== 0) return false;
  return region.validMax === 0 || size >= region.validMin && size <= region.validMax;
}

/** Size of the parts into which an access is split, or to which it is widened. */
function partSize({ implMin, implMax }: RegionInfo, size: number): number {
  return Math.max(Math.min(size, implMax), implMin);
}

/** How far left the part at byte `at` is shifted in the whole value, in bits. */
function shiftOf(region: RegionInfo, size: number, part: number, at: number): number {
  return 8 * (region.bigEndian ? size - part - at : at);
}

/** Halves of the part that the last callback read or wrote. */
const part = new Halves();

/** What a read callback returns. */
type ReadAnswer = ReturnType<NonNullable<MemoryRegionOps["read"]>>;

/** Sets the part to what a callback returned. */
function setPart(answer: ReadAnswer, size: number): MemTxResult {
  let value: number | bigint;
  let result: MemTxResult = MemTxResult.OK;
  if (typeof answer === "object") {
    value = answer.value ?? 0;
    result = answer.memTxResult & FAILED;
  } else value = answer;
  if (typeof value === "bigint") {
    part.set(Number(value & 0xffff_ffffn), Number(value >> 32n & 0xffff_ffffn));
  } else if (size === 8) part.set(value, Math.floor(value / 0x1_0000_0000));
  else part.set(value, 0);
  part.truncate(size);
  return result;
}

/** The result of a part whose callback threw. */
function resultOf(thrown: unknown, region: number, onError: DeviceErrorHandler): MemTxResult {
  const { memTxResult } = (thrown ?? {}) as { readonly memTxResult?: unknown };
  if (typeof memTxResult === "number") return memTxResult & FAILED;
  onError(thrown, region);
  return MemTxResult.ERROR;
}

/**
 * Whether a device has the callback and accepts the access.
 *
 * @returns The result if the access ends here.
 */
function refusal(
  region: RegionInfo,
  ops: MemoryRegionOps,
  offset: Address,
  size: number,
  isWrite: boolean,
  attrs: MemTxAttrs,
  onError: DeviceErrorHandler,
): MemTxResult {
  if (!(isWrite ? ops.write : ops.read)) return MemTxResult.DECODE_ERROR;
  try {
    const isAccepted = ops.valid?.accepts?.(offset, size, isWrite, attrs) !== false;
    return isAccepted ? MemTxResult.OK : MemTxResult.DECODE_ERROR;
  } catch (error) {
    return resultOf(error, region.id, onError);
  }
}

/**
 * Reads from a device, in the device's byte order. A part that fails gives zeros, unless the device
 * says otherwise, and the others are read.
 *
 * @param value Receives the value.
 * @param onError Called with what the device throws.
 */
export function readDevice(
  region: RegionInfo,
  ops: MemoryRegionOps,
  offset: Address,
  size: number,
  attrs: MemTxAttrs,
  value: Halves,
  onError: DeviceErrorHandler,
): MemTxResult {
  value.set(0, 0);
  let result = refusal(region, ops, offset, size, false, attrs, onError);
  if (result !== MemTxResult.OK) return result;
  const bytes = partSize(region, size);
  let low = 0;
  let high = 0;
  for (let at = 0; at < size; at += bytes) {
    // The callback may access memory itself: only locals survive it.
    try {
      result |= setPart(ops.read!(advance(offset, at), bytes, attrs), bytes);
    } catch (error) {
      result |= resultOf(error, region.id, onError);
      continue;
    }
    const shift = shiftOf(region, size, bytes, at);
    low |= shiftedLow(part.low, part.high, shift);
    high |= shiftedHigh(part.low, part.high, shift);
  }
  value.set(low, high);
  value.truncate(size);
  return result;
}

/**
 * Writes to a device, in the device's byte order. If a part fails, the others are written.
 *
 * @param onError Called with what the device throws.
 */
export function writeDevice(
  region: RegionInfo,
  ops: MemoryRegionOps,
  offset: Address,
  size: number,
  attrs: MemTxAttrs,
  low: number,
  high: number,
  onError: DeviceErrorHandler,
): MemTxResult {
  let result = refusal(region, ops, offset, size, true, attrs, onError);
  if (result !== MemTxResult.OK) return result;
  const bytes = partSize(region, size);
  for (let at = 0; at < size; at += bytes) {
    const shift = -shiftOf(region, size, bytes, at);
    part.set(shiftedLow(low, high, shift), shiftedHigh(low, high, shift));
    part.truncate(bytes);
    try {
      const failure = ops.write!(advance(offset, at), part.low, bytes, attrs, part.high);
      if (failure) result |= failure.memTxResult & FAILED;
    } catch (error) {
      result |= resultOf(error, region.id, onError);
    }
  }
  return result;
}
