import type { CoalescedRange } from "./coalesced_range.ts";
import { CountedRegion } from "./counted_region.ts";
import type { IoEventFd } from "./ioeventfd.ts";
import { RangeFlag } from "./range_flags.ts";
import { kindFlags, type RegionKind } from "./region_kind.ts";
import type { RegionBlock } from "./region_block.ts";
import type { IommuOps, MemoryRegionOps, RamBacking } from "./region_ops.ts";
import { join, lower, upper } from "./split64.ts";

/** No user of any client of dirty logging. */
const NO_USERS: readonly number[] = Array(8).fill(0);

/** What a region consists of, depending on its kind. */
export interface RegionNature<Region> {
  readonly kind: RegionKind;
  readonly ops?: MemoryRegionOps;
  readonly iommu?: IommuOps;
  readonly ram?: RamBacking<bigint>;
  readonly alias?: Region;
  readonly aliasOffset?: bigint;
  /** The block that was made with the region. */
  readonly block?: RegionBlock;
}

/**
 * A region's state, as rendering and printing read it. 64-bit values are kept as two halves, because
 * rendering computes with halves and a `bigint` costs an allocation.
 *
 * `Region` is the derived class, which adds the edits.
 */
export abstract class RegionNode<Region> extends CountedRegion {
  /** Unique in the topology and never used again: what sections in shared memory carry. */
  readonly id: number;
  /** What the region is. */
  readonly kind: RegionKind;
  /** The owner given at creation. */
  readonly owner: unknown;
  /** Token of the context that runs the callbacks for others; null for the control context. */
  readonly context: number | null;
  /** Callbacks of an I/O region or ROM device. */
  readonly ops: MemoryRegionOps | null;
  /** Translation of an IOMMU region. */
  readonly iommu: IommuOps | null;
  /** RAM behind the region. */
  readonly ram: RamBacking<bigint> | null;
  /** Target of an alias. */
  readonly alias: Region | null;
  /** Offset in the container, upper half. */
  readonly addrHi: number = 0;
  /** Offset in the container, lower half. */
  readonly addrLo: number = 0;
  /** Size in bytes, upper half: up to 2^32, for a size of 2^64. */
  readonly sizeHi: number;
  /** Size in bytes, lower half. */
  readonly sizeLo: number;
  /** Where in its target an alias starts, upper half. */
  readonly aliasOffsetHi: number;
  /** Where in its target an alias starts, lower half. */
  readonly aliasOffsetLo: number;
  /** Priority among its siblings: the higher is in front. */
  readonly priority: number = 0;
  /** A disabled region and all below it is not rendered. */
  readonly enabled: boolean = true;
  /** Writes reach neither this region nor what it contains. */
  readonly readonly: boolean;
  /** Nonvolatile memory. */
  readonly nonvolatile: boolean = false;
  /** The ranges of this region and of what it contains are not joined. */
  readonly unmergeable: boolean = false;
  /** A ROM device's mode: true while reads are direct. */
  readonly romd: boolean;
  /** @internal Clients that log writes to this region, as bits. */
  readonly logMask: number = 0;
  /** @internal How many users have started logging for each client. */
  readonly logUsers: readonly number[] = NO_USERS;
  /** The region that contains this one. */
  readonly container: Region | null = null;
  /** Regions in this one, in the order in which they are rendered: falling priority, among equals the latest first. */
  readonly subregions: readonly Region[] = [];
  /** The aliases of this region. */
  readonly aliases: ReadonlySet<Region> = new Set();
  /** The ioeventfds of the region, sorted. */
  readonly ioeventfds: readonly IoEventFd[] = [];
  /** The ranges of the region whose writes may be coalesced. */
  readonly coalesced: readonly CoalescedRange[] = [];
  /** Whether the region itself answers accesses: all kinds but containers and aliases. */
  readonly terminates: boolean;
  readonly #kindFlags: number;

  /** @internal */
  constructor(
    id: number,
    name: string,
    size: bigint,
    nature: RegionNature<Region>,
    owner: unknown,
    context: number | null,
  ) {
    super(name);
    this.id = id;
    this.kind = nature.kind;
    this.owner = owner;
    this.context = context;
    this.ops = nature.ops ?? null;
    this.iommu = nature.iommu ?? null;
    this.ram = nature.ram ?? null;
    this.alias = nature.alias ?? null;
    const aliasOffset = nature.aliasOffset ?? 0n;
    this.aliasOffsetHi = upper(aliasOffset);
    this.aliasOffsetLo = lower(aliasOffset);
    this.sizeHi = upper(size);
    this.sizeLo = lower(size);
    this.terminates = nature.kind !== "container" && nature.kind !== "alias";
    this.readonly = nature.kind === "rom";
    this.romd = nature.kind === "romDevice";
    this.#kindFlags = kindFlags(nature.kind);
  }

  /** Offset in the container. */
  get addr(): bigint {
    return join(this.addrHi, this.addrLo);
  }

  /** Size in bytes, up to 2^64. */
  get size(): bigint {
    return join(this.sizeHi, this.sizeLo);
  }

  /** Where in its target an alias starts. */
  get aliasOffset(): bigint {
    return join(this.aliasOffsetHi, this.aliasOffsetLo);
  }

  /** The flags that the region itself gives a range, without those of its containers. See {@linkcode RangeFlag}. */
  get flags(): number {
    return this.#kindFlags | (this.romd ? RangeFlag.ROMD : 0) |
      (this.readonly ? RangeFlag.READONLY : 0) | (this.nonvolatile ? RangeFlag.NONVOLATILE : 0) |
      (this.unmergeable ? RangeFlag.UNMERGEABLE : 0);
  }
}

/** A region with writable fields, for its own edits and for the trials of an import. */
export type WritableRegion<Region> =
  & { -readonly [K in WritableField]: RegionNode<Region>[K] }
  & { readonly subregions: Region[]; readonly aliases: Set<Region> };

/** The fields that edits write. */
export type WritableField =
  | "addrHi"
  | "addrLo"
  | "alias"
  | "aliasOffsetHi"
  | "aliasOffsetLo"
  | "coalesced"
  | "container"
  | "enabled"
  | "ioeventfds"
  | "kind"
  | "logMask"
  | "logUsers"
  | "nonvolatile"
  | "priority"
  | "readonly"
  | "romd"
  | "sizeHi"
  | "sizeLo"
  | "terminates"
  | "unmergeable";

/** Lets the caller write a region's fields. Nothing is recorded or marked. */
export function writable<Region>(region: RegionNode<Region>): WritableRegion<Region> {
  return region as unknown as WritableRegion<Region>;
}
