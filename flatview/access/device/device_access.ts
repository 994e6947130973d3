/**
 * What an access to a device's callbacks turns into: which accesses are valid, of what size the
 * pieces are, and how a piece is split or widened to what the callbacks implement. The rules are
 * those of QEMU's `memory_region_access_valid`, `memory_access_size` and `access_with_adjusted_size`.
 */

import type { MemoryRegionOps, MemTxAttrs } from "../../region/region_ops.ts";
import { Halves, shiftedHigh, shiftedLow } from "./halves.ts";
import type { RegionInfo } from "./region_records.ts";
import { MemTxResult } from "./mem_tx_result.ts";

/** An offset in a region: a number where it is exact. */
export type RegionOffset = number | bigint;

/** The offset `by` bytes further on. */
export function advance(offset: RegionOffset, by: number): RegionOffset {
  if (typeof offset === "bigint") return offset + BigInt(by);
  const sum = offset + by;
  return sum <= Number.MAX_SAFE_INTEGER ? sum : BigInt(offset) + BigInt(by);
}

/** The lowest three bits of an offset. */
function lowBits(offset: RegionOffset): number {
  return typeof offset === "number" ? offset % 8 : Number(offset & 7n);
}

/**
 * How many bytes of an access the next piece takes.
 *
 * @param region The region; null if it has no callbacks.
 * @param length Bytes that are left. @param offset Where in the region.
 * @returns 1, 2, 4 or 8.
 */
export function accessSize(
  region: RegionInfo | null,
  length: number,
  offset: RegionOffset,
): number {
  let most = region?.validMax || 4;
  const low = lowBits(offset);
  if (!region?.implUnaligned && low !== 0) most = Math.min(most, low & -low);
  const size = Math.min(most, length);
  return size >= 8 ? 8 : size >= 4 ? 4 : size >= 2 ? 2 : 1;
}

/** Whether the region's limits allow an access; the device's own `accepts` is asked beside it. */
export function isWithinLimits(region: RegionInfo, offset: RegionOffset, size: number): boolean {
  if (!region.validUnaligned && (lowBits(offset) & (size - 1)) !== 0) return false;
  return region.validMax === 0 || size >= region.validMin && size <= region.validMax;
}

/** Bytes of each part into which an access is split, or to which it is widened. */
function partSize({ implMin, implMax }: RegionInfo, size: number): number {
  return Math.max(Math.min(size, implMax), implMin);
}

/** By how many bits the part at byte `at` is shifted in the value of the whole. */
function shiftOf(region: RegionInfo, size: number, part: number, at: number): number {
  return 8 * (region.bigEndian ? size - part - at : at);
}

/** A part's halves: that of the last callback. */
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
 * @param value Takes the value.
 * @throws Whatever the device throws; the value is undefined then.
 */
export function readDevice(
  region: RegionInfo,
  ops: MemoryRegionOps,
  offset: RegionOffset,
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
    // The callback may access memory itself: nothing but locals is kept across it.
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
  offset: RegionOffset,
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
