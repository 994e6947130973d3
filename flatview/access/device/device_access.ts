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

function setPart(value: number | bigint, size: number): void {
  if (typeof value === "bigint") {
    part.set(Number(value & 0xffff_ffffn), Number(value >> 32n & 0xffff_ffffn));
  } else if (size === 8) part.set(value, Math.floor(value / 0x1_0000_0000));
  else part.set(value, 0);
  part.truncate(size);
}

/**
 * Reads from a device, in the device's byte order.
 *
 * @param value Receives the value.
 * @throws Whatever the device throws; the value is undefined then.
 */
export function readDevice(
  region: RegionInfo,
  ops: MemoryRegionOps,
  offset: Address,
  size: number,
  attrs: MemTxAttrs,
  value: Halves,
): MemTxResult {
  value.set(0, 0);
  if (!ops.read || ops.valid?.accepts?.(offset, size, false, attrs) === false) {
    return MemTxResult.DECODE_ERROR;
  }
  const bytes = partSize(region, size);
  let low = 0;
  let high = 0;
  for (let at = 0; at < size; at += bytes) {
    // The callback may access memory itself: only locals survive it.
    setPart(ops.read(advance(offset, at), bytes, attrs), bytes);
    const shift = shiftOf(region, size, bytes, at);
    low |= shiftedLow(part.low, part.high, shift);
    high |= shiftedHigh(part.low, part.high, shift);
  }
  value.set(low, high);
  value.truncate(size);
  return MemTxResult.OK;
}

/**
 * Writes to a device, in the device's byte order.
 *
 * @throws Whatever the device throws.
 */
export function writeDevice(
  region: RegionInfo,
  ops: MemoryRegionOps,
  offset: Address,
  size: number,
  attrs: MemTxAttrs,
  low: number,
  high: number,
): MemTxResult {
  if (!ops.write || ops.valid?.accepts?.(offset, size, true, attrs) === false) {
    return MemTxResult.DECODE_ERROR;
  }
  const bytes = partSize(region, size);
  for (let at = 0; at < size; at += bytes) {
    const shift = -shiftOf(region, size, bytes, at);
    part.set(shiftedLow(low, high, shift), shiftedHigh(low, high, shift));
    part.truncate(bytes);
    ops.write(advance(offset, at), part.low, bytes, attrs, part.high);
  }
  return MemTxResult.OK;
}
