import type { MemoryRegion } from "./memory_region.ts";
import { RangeFlag } from "./range_flags.ts";

/** The kinds of regions. */
export type RegionKind = MemoryRegion["kind"];

/** The range flags that follow from a region's kind alone. */
export function kindFlags(kind: RegionKind): number {
  switch (kind) {
    case "ram":
    case "rom":
      return RangeFlag.RAM;
    case "ramDevice":
      return RangeFlag.RAM | RangeFlag.RAM_DEVICE;
    case "romDevice":
      return RangeFlag.ROM_DEVICE;
    case "iommu":
      return RangeFlag.IOMMU;
    case "reserved":
      return RangeFlag.RESERVED;
    default:
      return 0;
  }
}
