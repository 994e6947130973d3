import { type Address, toAddress, toSize } from "./address.ts";
import type { MemoryRegion } from "./memory_region.ts";

/** A part of a region in which writes may be queued and handed to the device together. */
export type CoalescedRange = MemoryRegion["coalesced"][number];

/**
 * Checks what a caller gives of a range.
 *
 * @throws {FlatViewError} `INVALID_ADDRESS`.
 */
export function toCoalescedRange(offset: Address, size: Address): CoalescedRange {
  return {
    offset: toAddress(offset, "the offset of a coalesced range"),
    size: toSize(size, "the size of a coalesced range"),
  };
}
