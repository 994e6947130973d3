import type { AddressSpace } from "../view/address_space.ts";
import { addCoalescing, clearCoalescing, type CoalescedRange } from "../view/coalesced.ts";
import { addEventfd, delEventfd, type IoEventFd } from "../view/ioeventfd.ts";
import type { Topology } from "../topology/topology.ts";
import type { IommuOps, MemoryRegionOps, RamBacking } from "./region_ops.ts";
import { type Address, toAddress } from "./address.ts";
import { join } from "./split64.ts";
import * as edit from "./edit.ts";
import { RangeFlag } from "./range_flags.ts";

/** The natures a region can have. */
export type RegionKind =
  | "container"
  | "ram"
  | "rom"
  | "romDevice"
  | "ramDevice"
  | "io"
  | "alias"
  | "iommu"
  | "reserved";

/** What every region may be given at creation. */
export interface RegionOptions {
  /**
   * Whoever owns the region: opaque here, handed back in reports. Regions with one owner belong to one
   * device: while a callback of one runs, its accesses to any of them are refused.
   */
  readonly owner?: unknown;
  /**
   * Token (`arena.token`) of the context that runs the region's callbacks for all that have not bound
   * them; the control context unless given.
   */
  readonly context?: number;
  /** Runs once when nothing can reach the region any more: see {@linkcode MemoryRegion.destroy}. */
  readonly finalize?: (region: MemoryRegion) => void;
}

/** @internal What a kind brings along. */
export interface RegionNature {
  readonly kind: RegionKind;
  readonly ops?: MemoryRegionOps;
  readonly iommu?: IommuOps;
  readonly ram?: RamBacking;
  readonly alias?: MemoryRegion;
  readonly aliasOffset?: bigint;
}

/**
 * A region of guest memory: a node of the tree that the views are rendered from. Control context
 * only. All its properties are read-only for users and change through its methods; a change outside
 * a transaction is a transaction of its own.
 *
 * Create regions with the `init...` methods of {@linkcode Topology}.
 */
export class MemoryRegion {
  /** The topology that the region belongs to. */
  readonly topology: Topology;
  /** Unique in the topology and never used again: what sections in shared memory carry. */
  readonly id: number;
  /** Name as it is printed; names may repeat. */
  readonly name: string;
  /** Nature of the region. */
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
  readonly ram: RamBacking | null;
  /** Target of an alias. */
  readonly alias: MemoryRegion | null;
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
  /** Writes do not reach this region nor what it contains. */
  readonly readonly: boolean;
  /** Nonvolatile memory. */
  readonly nonvolatile: boolean = false;
  /** A ROM device's mode: true while reads are direct. */
  readonly romd: boolean;
  /** Clients that log writes to the region, as bits. */
  readonly dirtyLogMask: number = 0;
  /** The region that contains this one. */
  readonly container: MemoryRegion | null = null;
  /** Regions in this one, in the order in which they are rendered: falling priority, among equals the latest first. */
  readonly subregions: readonly MemoryRegion[] = [];
  /** The aliases of this region. */
  readonly aliases: ReadonlySet<MemoryRegion> = new Set();
  /** Address spaces whose root this region is. */
  readonly addressSpaces: ReadonlySet<AddressSpace> = new Set();
  /** The ioeventfds of the region. */
  readonly ioeventfds: readonly IoEventFd[] = [];
  /** The ranges of the region whose writes may be coalesced. */
  readonly coalesced: readonly CoalescedRange[] = [];
  /** References: one of the creator, one of each container and alias, one for each range of each view. */
  readonly refs: number = 1;
  /** The creator has dropped its reference. */
  readonly destroyed: boolean = false;
  /** Whether the region itself answers accesses: all kinds but containers and aliases. */
  readonly terminates: boolean;
  readonly #nature: number;
  /** @internal */
  readonly finalize: ((region: MemoryRegion) => void) | null;

  /** @internal */
  constructor(
    topology: Topology,
    id: number,
    name: string,
    size: bigint,
    nature: RegionNature,
    options: RegionOptions,
  ) {
    this.topology = topology;
    this.id = id;
    this.name = name;
    this.kind = nature.kind;
    this.owner = options.owner ?? null;
    this.context = options.context ?? null;
    this.finalize = options.finalize ?? null;
    this.ops = nature.ops ?? null;
    this.iommu = nature.iommu ?? null;
    this.ram = nature.ram ?? null;
    this.alias = nature.alias ?? null;
    const aliasOffset = nature.aliasOffset ?? 0n;
    this.aliasOffsetHi = Number(aliasOffset >> 32n);
    this.aliasOffsetLo = Number(aliasOffset & 0xffff_ffffn);
    this.sizeHi = Number(size >> 32n);
    this.sizeLo = Number(size & 0xffff_ffffn);
    this.#nature = natureFlags(nature.kind);
    this.terminates = nature.kind !== "container" && nature.kind !== "alias";
    this.readonly = nature.kind === "rom";
    this.romd = nature.kind === "romDevice";
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
    return this.#nature | (this.romd ? RangeFlag.ROMD : 0) |
      (this.readonly ? RangeFlag.READONLY : 0) | (this.nonvolatile ? RangeFlag.NONVOLATILE : 0);
  }

  /**
   * Puts a region into this one, at priority 0.
   *
   * @param offset Where, in bytes from the start of this region.
   * @param child A region without a container.
   * @throws {RegionError} If the child has a container, or contains this region.
   */
  addSubregion(offset: Address, child: MemoryRegion): void {
    edit.addSubregion(this, child, offset, 0);
  }

  /**
   * Puts a region into this one over or under others.
   *
   * @param offset Where, in bytes from the start of this region.
   * @param child A region without a container.
   * @param priority The higher hides the lower; among equals the latest is in front.
   * @throws {RegionError} If the child has a container, or contains this region.
   */
  addSubregionOverlap(offset: Address, child: MemoryRegion, priority: number): void {
    edit.addSubregion(this, child, offset, priority);
  }

  /**
   * Takes a region out of this one.
   *
   * @throws {RegionError} If the child is not in this region.
   */
  delSubregion(child: MemoryRegion): void {
    edit.delSubregion(this, child);
  }

  /** Moves the region in its container: it comes to lie before its siblings of the same priority. */
  setAddress(addr: Address): void {
    edit.setAddress(this, addr);
  }

  /** Changes the size. */
  setSize(size: Address): void {
    edit.setSize(this, size);
  }

  /**
   * Moves the window that an alias shows.
   *
   * @throws {RegionError} If the region is not an alias.
   */
  setAliasOffset(offset: Address): void {
    edit.setAliasOffset(this, offset);
  }

  /** Enables or disables the region and all below it. */
  setEnabled(enabled: boolean): void {
    edit.setFlag(this, "enabled", enabled);
  }

  /** Makes the region and all below it readonly, or takes that back. */
  setReadonly(readonly: boolean): void {
    edit.setFlag(this, "readonly", readonly);
  }

  /** Marks the region and all below it as nonvolatile, or takes that back. */
  setNonvolatile(nonvolatile: boolean): void {
    edit.setFlag(this, "nonvolatile", nonvolatile);
  }

  /**
   * Switches a ROM device between direct reads (true) and callbacks.
   *
   * @throws {RegionError} If the region is no ROM device.
   */
  setRomd(romd: boolean): void {
    edit.setRomd(this, romd);
  }

  /**
   * Starts or stops logging of writes for a client.
   *
   * @param log Whether to log.
   * @param client Number of the client, 0 to 7.
   * @throws {RegionError} If the region is no RAM, or the client out of range.
   */
  setLog(log: boolean, client: number): void {
    edit.setLog(this, log, client);
  }

  /**
   * Has a write signal an event instead of calling the device.
   *
   * @param offset Offset in the region of the write.
   * @param size Bytes of the write: 1, 2, 4 or 8; 0 for any.
   * @param data The value that must be written; null for any.
   * @param event What is signalled: handed to the listeners as it is. If it is an
   * {@linkcode EventNotifier}, every worker signals it; what else it may be is the listeners' alone.
   */
  addEventfd(offset: Address, size: number, data: bigint | null, event: unknown): void {
    addEventfd(this, {
      offset: toAddress(offset, "the offset of an ioeventfd"),
      size,
      data,
      event,
    });
  }

  /**
   * Takes an ioeventfd back.
   *
   * @throws {RegionError} If the region has none that was added with these values.
   */
  delEventfd(offset: Address, size: number, data: bigint | null, event: unknown): void {
    delEventfd(this, {
      offset: toAddress(offset, "the offset of an ioeventfd"),
      size,
      data,
      event,
    });
  }

  /** Allows writes to the whole region to be coalesced, and nothing else that was allowed before. */
  setCoalescing(): void {
    this.topology.transaction(() => {
      clearCoalescing(this);
      addCoalescing(this, 0, this.size);
    });
  }

  /**
   * Allows writes to a part of the region to be coalesced. Listeners are told at once.
   *
   * @param offset First byte, an offset in the region.
   * @param size Bytes, at least one.
   */
  addCoalescing(offset: Address, size: Address): void {
    addCoalescing(this, offset, size);
  }

  /** Ends all coalescing. Listeners are told at once. */
  clearCoalescing(): void {
    clearCoalescing(this);
  }

  /**
   * Drops the creator's reference. Once the region is in no container, no alias shows it and the last
   * view that held it is freed (after that view's grace period), the `finalize` callback runs, in the
   * control context, exactly once.
   *
   * @throws {RegionDeadError} If it was destroyed before.
   */
  destroy(): void {
    edit.destroy(this);
  }

  /**
   * Takes a reference.
   *
   * @throws {RegionDeadError} If the region is finalised: a dead region does not come back.
   */
  ref(): void {
    edit.ref(this);
  }

  /** Drops a reference. */
  unref(): void {
    edit.unref(this);
  }
}

/** The flags that come from the region's kind alone. */
function natureFlags(kind: RegionKind): number {
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
