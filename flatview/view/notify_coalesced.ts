import type { CoalescedRange } from "../region/coalesced_range.ts";
import type { FlatRange } from "../render/flat_range.ts";
import type { Listened } from "./listened_space.ts";
import { sectionOf } from "./memory_listener.ts";

/** Notifies the listeners of an address space of the coalesced parts of one range, which comes or goes. */
export function notifyCoalesced(
  listened: Listened,
  range: FlatRange,
  change: "add" | "del",
  errors: unknown[],
): void {
  for (const coalesced of range.region.coalesced) {
    notifyCoalescedPart(listened, range, coalesced, change, errors);
  }
}

/**
 * Notifies the listeners of an address space of one coalesced range of a region.
 *
 * @param listened The address space.
 * @param range A range of its view that the region answers: the coalesced range is clipped to it.
 * @param coalesced The coalesced range.
 * @param change Whether it comes or goes.
 * @param errors Collects what listeners throw.
 */
export function notifyCoalescedPart(
  { space, listeners }: Listened,
  range: FlatRange,
  coalesced: CoalescedRange,
  change: "add" | "del",
  errors: unknown[],
): void {
  const start = coalesced.offset + range.first - range.offset;
  const end = start + coalesced.size;
  const from = start > range.first ? start : range.first;
  const to = end < range.last + 1n ? end : range.last + 1n;
  if (from >= to) return;
  const section = sectionOf(space, range);
  if (change === "add") {
    listeners.forward((l) => l.coalescedIoAdd?.(section, from, to - from), errors);
  } else {
    listeners.reverse((l) => l.coalescedIoDel?.(section, from, to - from), errors);
  }
}
