import type { MemoryRegion } from "../region/memory_region.ts";
import { RangeFlag } from "../region/range_flags.ts";
import type { Dialect } from "./dialect.ts";

/** The kinds that QEMU's monitor prints; `container` only in the text of QEMU 11.1. */
export type PrintedKind = ReturnType<typeof printedKind>;

/** The kinds that QEMU's monitor prints, in the order in which it looks for the first that fits. */
export const PRINTED_KINDS: readonly PrintedKind[] = [
  "ramd",
  "romd",
  "rom",
  "ram",
  "container",
  "i/o",
];

/** The region at the end of a chain of aliases; any region of a circle. */
function finalTarget(region: MemoryRegion): MemoryRegion {
  const seen = new Set<MemoryRegion>();
  while (region.alias !== null && !seen.has(region)) {
    seen.add(region);
    region = region.alias;
  }
  return region;
}

/**
 * The kind that QEMU's monitor prints for a region: the first that fits the final target.
 *
 * @param dialect Whose text; QEMU 7.2's by default.
 */
export function printedKind(
  region: MemoryRegion,
  dialect: Dialect = "qemu-7.2",
): "ramd" | "romd" | "rom" | "ram" | "container" | "i/o" {
  const target = finalTarget(region);
  const { flags } = target;
  if (flags & RangeFlag.RAM_DEVICE) return "ramd";
  if (flags & RangeFlag.ROMD) return "romd";
  if (flags & RangeFlag.RAM) return flags & RangeFlag.READONLY ? "rom" : "ram";
  return dialect === "qemu-11.1" && target.container === null ? "container" : "i/o";
}
