/**
 * The slow and obvious model: what one address shows, decided from the tree alone. No lists, no
 * clipping, no joining: an address lies in a region if it lies in all that contains it.
 */
import { dirtyLogMask, RangeFlag } from "../region/range_flags.ts";
import type { MemoryRegion } from "../region/memory_region.ts";

/** What is passed down to all that a region contains. */
interface Inherited {
  readonly readonly: boolean;
  readonly nonvolatile: boolean;
  readonly unmergeable: boolean;
}

/** What an address shows. */
export interface Hit extends Inherited {
  readonly region: MemoryRegion;
  readonly offset: bigint;
  /** A ROM device's reads are direct. */
  readonly romd: boolean;
  /** The clients that log writes. */
  readonly dirtyLogMask: number;
  /** The way from the root to the region: several aliases may show it. */
  readonly way: string;
}

/** What an address shows in an address space with this root, or null for unassigned. */
export function hitAt(root: MemoryRegion, address: bigint): Hit | null {
  if (address < 0n || address >= 1n << 64n) return null;
  const inherited = { readonly: false, nonvolatile: false, unmergeable: false };
  return visit(root, address, 0n, inherited, "", 0);
}

/** What the address shows in a view rendered from a physical root. */
function visit(
  region: MemoryRegion,
  address: bigint,
  container: bigint,
  outer: Inherited,
  outerWay: string,
  depth: number,
): Hit | null {
  if (depth > 600) throw new Error("the model's tree is endless");
  if (!region.enabled) return null;
  const base = container + region.addr;
  if (address < base || address >= base + region.size) return null;
  const down: Inherited = {
    readonly: outer.readonly || region.readonly,
    nonvolatile: outer.nonvolatile || region.nonvolatile,
    unmergeable: outer.unmergeable || region.unmergeable,
  };
  const way = `${outerWay}/${region.id}`;
  if (region.alias !== null) {
    const origin = base - region.alias.addr - region.aliasOffset;
    return visit(region.alias, address, origin, down, way, depth + 1);
  }
  for (const child of region.subregions) {
    const hit = visit(child, address, base, down, way, depth + 1);
    if (hit !== null) return hit;
  }
  if (!region.terminates) return null;
  const { romd, dirtyLogMask } = region;
  return { region, offset: address - base, ...down, romd, dirtyLogMask, way };
}

/** What a flat range says of an address in it, in the model's words. */
export function hitOfRange(
  range: { first: bigint; offset: bigint; region: MemoryRegion; flags: number },
  address: bigint,
): Omit<Hit, "way"> {
  return {
    region: range.region,
    offset: range.offset + (address - range.first),
    readonly: (range.flags & RangeFlag.READONLY) !== 0,
    nonvolatile: (range.flags & RangeFlag.NONVOLATILE) !== 0,
    romd: (range.flags & RangeFlag.ROMD) !== 0,
    dirtyLogMask: dirtyLogMask(range.flags),
    unmergeable: (range.flags & RangeFlag.UNMERGEABLE) !== 0,
  };
}
