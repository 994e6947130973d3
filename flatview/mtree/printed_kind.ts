import type { MemoryRegion } from "../region/memory_region.ts";
import { RangeFlag } from "../region/range_flags.ts";

/** The kinds that QEMU's monitor prints. */
export type PrintedKind = "ramd" | "romd" | "rom" | "ram" | "i/o";

/** The kinds that QEMU's monitor prints, in the order in which it looks for the first that fits. */
export const PRINTED_KINDS: readonly PrintedKind[] = ["ramd", "romd", "rom", "ram", "i/o"];

/** The region at the end of a chain of aliases; any region of a circle. */
function finalTarget(region: MemoryRegion): MemoryRegion {
  const seen = new Set<MemoryRegion>();
  while (region.alias !== null && !seen.has(region)) {
    seen.add(region);
    region = region.alias;
  }
  return region;
}

/** The kind that QEMU's monitor prints for a region: the first that fits the final target. */
export function printedKind(region: MemoryRegion): PrintedKind {
  const flags = finalTarget(region).flags;
  if (flags & RangeFlag.RAM_DEVICE) return "ramd";
  if (flags & RangeFlag.ROMD) return "romd";
  if (flags & RangeFlag.RAM) return flags & RangeFlag.READONLY ? "rom" : "ram";
  return "i/o";
}
