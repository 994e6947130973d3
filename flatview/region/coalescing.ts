import type { CoalescedRange } from "./coalesced_range.ts";
import type { MemoryRegion } from "./memory_region.ts";
import type { RegionHost } from "./region_host.ts";
import { writable } from "./region_state.ts";

/** Adds a range of coalesced writes. Listeners are notified at once, and again if the change is undone. */
export function addCoalesced(host: RegionHost, region: MemoryRegion, range: CoalescedRange): void {
  const edit = writable(region);
  edit.coalesced = [...region.coalesced, range];
  host.coalescedChanged(region, range, "add");
  host.log.record(() => {
    edit.coalesced = region.coalesced.filter((other) => other !== range);
    host.coalescedChanged(region, range, "del");
  });
}

/** Removes all ranges of coalesced writes. Listeners are notified at once, and again if it is undone. */
export function removeCoalesced(host: RegionHost, region: MemoryRegion): void {
  const edit = writable(region);
  const old = region.coalesced;
  edit.coalesced = [];
  for (const range of old) host.coalescedChanged(region, range, "del");
  host.log.record(() => {
    edit.coalesced = old;
    for (const range of old.toReversed()) host.coalescedChanged(region, range, "add");
  });
}
