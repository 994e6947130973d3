import type { MemoryRegion } from "../region/memory_region.ts";
import type { AddressSpaces } from "./address_spaces.ts";
import { type MemoryRegionSection, sectionOf } from "./memory_listener.ts";

/** The last address. */
const LAST = (1n << 64n) - 1n;

/**
 * Finds what is published at a part of a region: the first section of the address space whose root
 * contains the region that meets it, cut to it.
 *
 * @param spaces All address spaces.
 * @param region The region.
 * @param from First byte, an offset in the region.
 * @param size Bytes.
 * @returns The section; null if nothing is shown there, or no address space has the outermost container
 * as its root.
 */
export function findSection(
  spaces: AddressSpaces,
  region: MemoryRegion,
  from: bigint,
  size: bigint,
): MemoryRegionSection | null {
  let start = from + region.addr;
  let top = region;
  for (; top.container !== null; top = top.container) start += top.container.addr;
  const [space] = spaces.withRoot(top);
  if (space === undefined || size === 0n) return null;
  const { view } = space;
  if (start > LAST) return null;
  const stop = start + size - 1n;
  const [section] = view.sectionsIn(start, stop < LAST ? stop : LAST);
  if (section === undefined) return null;
  const range = view.rangeOf(section);
  const first = range.first > start ? range.first : start;
  const end = range.last < stop ? range.last + 1n : start + size;
  return {
    ...sectionOf(space, range),
    offsetWithinRegion: range.offset + (first - range.first),
    offsetWithinAddressSpace: first,
    size: end - first,
  };
}
