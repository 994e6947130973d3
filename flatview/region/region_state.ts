import type { CoalescedRange } from "./coalesced_range.ts";
import type { IoEventFd } from "./ioeventfd.ts";
import type { MemoryRegion } from "./memory_region.ts";
import { RangeFlag } from "./range_flags.ts";
import { kindFlags, type RegionKind } from "./region_kind.ts";
import type { RegionBlock } from "./region_block.ts";
import type { IommuOps, MemoryRegionOps, RamBacking } from "./region_ops.ts";
import { join, lower, upper } from "./split64.ts";

/** No user of any client of dirty logging. */
const NO_USERS: readonly number[] = Array(8).fill(0);

/** What a region consists of, depending on its kind. */
export interface RegionNature {
  readonly kind: RegionKind;
  readonly ops?: MemoryRegionOps;
  readonly iommu?: IommuOps;
  readonly ram?: RamBacking<bigint>;
  readonly alias?: MemoryRegion;
  readonly aliasOffset?: bigint;
  /** The block that was made with the region. */
  readonly block?: RegionBlock;
}

/**
 * The fields of a region. 64-bit values are kept as two halves, because rendering computes with
 * halves and a `bigint` costs an allocation.
 */
export class RegionState {
  readonly id: number;
  readonly name: string;
  readonly kind: RegionKind;
  readonly owner: unknown;
  readonly context: number | null;
  readonly ops: MemoryRegionOps | null;
  readonly iommu: IommuOps | null;
  readonly ram: RamBacking<bigint> | null;
  readonly alias: MemoryRegion | null;
  readonly addrHi: number = 0;
  readonly addrLo: number = 0;
  readonly sizeHi: number;
  readonly sizeLo: number;
  readonly aliasOffsetHi: number;
  readonly aliasOffsetLo: number;
  readonly priority: number = 0;
  readonly enabled: boolean = true;
  readonly readonly: boolean;
  readonly nonvolatile: boolean = false;
  readonly unmergeable: boolean = false;
  readonly romd: boolean;
  /** Clients that log writes to this region, as bits. */
  readonly logMask: number = 0;
  /** How many users have started logging for each client. */
  readonly logUsers: readonly number[] = NO_USERS;
  readonly container: MemoryRegion | null = null;
  readonly subregions: readonly MemoryRegion[] = [];
  readonly aliases: ReadonlySet<MemoryRegion> = new Set();
  readonly ioeventfds: readonly IoEventFd[] = [];
  readonly coalesced: readonly CoalescedRange[] = [];
  readonly terminates: boolean;
  readonly #kindFlags: number;

  /**
   * @param id Unique in the topology.
   * @param name Name.
   * @param size Bytes.
   * @param nature What the region consists of.
   * @param owner The owner.
   * @param context Token of the context that runs the callbacks for others.
   */
  constructor(
    id: number,
    name: string,
    size: bigint,
    nature: RegionNature,
    owner: unknown,
    context: number | null,
  ) {
    this.id = id;
    this.name = name;
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

  get addr(): bigint {
    return join(this.addrHi, this.addrLo);
  }

  get size(): bigint {
    return join(this.sizeHi, this.sizeLo);
  }

  get aliasOffset(): bigint {
    return join(this.aliasOffsetHi, this.aliasOffsetLo);
  }

  get flags(): number {
    return this.#kindFlags | (this.romd ? RangeFlag.ROMD : 0) |
      (this.readonly ? RangeFlag.READONLY : 0) | (this.nonvolatile ? RangeFlag.NONVOLATILE : 0) |
      (this.unmergeable ? RangeFlag.UNMERGEABLE : 0);
  }
}

/** A region with writable fields, for its own edits and for the trials of an import. */
export type WritableRegion =
  & { -readonly [K in WritableField]: RegionState[K] }
  & { readonly subregions: MemoryRegion[]; readonly aliases: Set<MemoryRegion> };

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
export function writable(region: MemoryRegion): WritableRegion {
  return region as unknown as WritableRegion;
}
