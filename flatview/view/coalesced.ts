import { RegionError } from "../region/errors.ts";
import { editable, inTransaction } from "../region/edit.ts";
import type { MemoryRegion } from "../region/memory_region.ts";
import { type Address, toAddress, toSize } from "../region/address.ts";
import type { FlatRange } from "../render/flat_range.ts";
import type { AddressSpace } from "./address_space.ts";
import { sectionOf } from "./listener.ts";

/** A part of a region in which writes may be queued and handed to the device together. */
export interface CoalescedRange {
  /** First byte, an offset in the region. */
  readonly offset: bigint;
  /** Bytes. */
  readonly size: bigint;
}

/** See {@linkcode MemoryRegion.addCoalescing}. */
export function addCoalescing(region: MemoryRegion, offset: Address, size: Address): void {
  const range = {
    offset: toAddress(offset, "the offset of a coalesced range"),
    size: toSize(size, "the size of a coalesced range"),
  };
  if (range.size === 0n) {
    throw new RegionError("coalesce writes to", region.name, "the range is empty");
  }
  inTransaction(region, "coalesce writes to", () => {
    editable(region).coalesced = [range, ...region.coalesced];
    tellRange(region, range, "add");
    region.topology.log.record(() => {
      editable(region).coalesced = region.coalesced.filter((other) => other !== range);
      tellRange(region, range, "del");
    });
  });
}

/** See {@linkcode MemoryRegion.clearCoalescing}. */
export function clearCoalescing(region: MemoryRegion): void {
  if (region.coalesced.length === 0) return;
  inTransaction(region, "stop coalescing writes to", () => {
    const old = region.coalesced;
    editable(region).coalesced = [];
    for (const range of old) tellRange(region, range, "del");
    region.topology.log.record(() => {
      editable(region).coalesced = old;
      for (const range of old.toReversed()) tellRange(region, range, "add");
    });
  });
}

/** Tells the listeners of every address space that shows the region now. */
function tellRange(region: MemoryRegion, coalesced: CoalescedRange, what: "add" | "del"): void {
  const errors: unknown[] = [];
  for (const space of region.topology.listenedSpaces()) {
    for (const range of space.view.ranges()) {
      if (range.region === region) tell(space, range, coalesced, what, errors);
    }
  }
  region.topology.throwListenerErrors(errors);
}

/** Tells the listeners of an address space of the coalesced parts of one range, which comes or goes. */
export function tellCoalesced(
  space: AddressSpace,
  range: FlatRange,
  what: "add" | "del",
  errors: unknown[],
): void {
  for (const coalesced of range.region.coalesced) tell(space, range, coalesced, what, errors);
}

function tell(
  space: AddressSpace,
  range: FlatRange,
  coalesced: CoalescedRange,
  what: "add" | "del",
  errors: unknown[],
): void {
  const start = coalesced.offset + range.first - range.offset;
  const end = start + coalesced.size;
  const from = start > range.first ? start : range.first;
  const to = end < range.last + 1n ? end : range.last + 1n;
  if (from >= to) return;
  const section = sectionOf(space, range);
  if (what === "add") {
    space.listeners.forward((l) => l.coalescedIoAdd?.(section, from, to - from), errors);
  } else {
    space.listeners.reverse((l) => l.coalescedIoDel?.(section, from, to - from), errors);
  }
}
