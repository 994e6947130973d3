import type { MemoryRegion } from "../region/memory_region.ts";
import { dirtyLogMask } from "../region/range_flags.ts";
import type { FlatRange } from "../render/flat_range.ts";
import type { AddressSpaces } from "./address_spaces.ts";
import { collect } from "./listener_list.ts";
import { type MemoryRegionSection, sectionOf } from "./memory_listener.ts";

/**
 * Asks the listeners to bring dirty logs up to date: one after the other, for each logged range of its
 * address space.
 *
 * @param spaces All address spaces.
 * @param region The region whose log is read; null for all.
 * @param errors Collects what listeners throw.
 */
export function notifyLogSync(
  spaces: AddressSpaces,
  region: MemoryRegion | null,
  errors: unknown[],
): void {
  for (const listener of spaces.listeners) {
    if (listener.logSync === undefined) continue;
    const space = spaces.spaceOf(listener);
    for (const range of space.view.ranges()) {
      if (region !== null && range.region !== region || dirtyLogMask(range.flags) === 0) continue;
      collect(() => listener.logSync?.(sectionOf(space, range)), errors);
    }
  }
}

/**
 * Notifies the listeners that a part of a region's dirty log was read and cleared.
 *
 * @param spaces All address spaces.
 * @param region The region.
 * @param from First byte of the part, an offset in the region.
 * @param to The byte behind its last.
 * @param errors Collects what listeners throw.
 */
export function notifyLogClear(
  spaces: AddressSpaces,
  region: MemoryRegion,
  from: bigint,
  to: bigint,
  errors: unknown[],
): void {
  for (const listener of spaces.listeners) {
    if (listener.logClear === undefined) continue;
    const space = spaces.spaceOf(listener);
    for (const range of space.view.ranges()) {
      if (range.region !== region || dirtyLogMask(range.flags) === 0) continue;
      const section = cut(sectionOf(space, range), range, from, to);
      if (section !== null) collect(() => listener.logClear?.(section), errors);
    }
  }
}

/** The part of a section that lies in a part of its region; null if there is none. */
function cut(
  section: MemoryRegionSection,
  { offset, first, last }: FlatRange,
  from: bigint,
  to: bigint,
): MemoryRegionSection | null {
  const end = offset + (last - first) + 1n;
  const start = from > offset ? from : offset;
  const stop = to < end ? to : end;
  if (start >= stop) return null;
  return {
    ...section,
    offsetWithinRegion: start,
    offsetWithinAddressSpace: first + (start - offset),
    size: stop - start,
  };
}
