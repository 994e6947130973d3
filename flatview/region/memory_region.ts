import type { Address } from "./address.ts";
import type { IommuOps, MemoryRegionOps, RamBacking } from "./region_ops.ts";

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
  /**
   * Lets the region be accessed while a callback of its device runs, and be the device's way to its
   * other regions: for devices that access their own registers and are written for that.
   */
  readonly disableReentrancyGuard?: boolean;
  /** Runs once, when no reader can find the region any longer: see {@linkcode MemoryRegion.destroy}. */
  readonly finalize?: (region: MemoryRegion) => void;
}

/**
 * A region of guest memory: a node of the tree that the views are rendered from. Control context
 * only. Its properties are read-only for users and change through its methods. A change outside a
 * transaction runs as one. A change to a region that is finalised throws `REGION_DEAD`, and an
 * address or size that does not fit throws `INVALID_ADDRESS`.
 *
 * Create regions with the `init...` methods of {@linkcode Topology}.
 */
export interface MemoryRegion {
  /** Unique in the topology and never used again: what sections in shared memory carry. */
  readonly id: number;
  /** Name as it is printed; names may repeat. */
  readonly name: string;
  /** What the region is. */
  readonly kind:
    | "container"
    | "ram"
    | "rom"
    | "romDevice"
    | "ramDevice"
    | "io"
    | "alias"
    | "iommu"
    | "reserved";
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
  readonly alias: MemoryRegion | null;
  /** Where in its target an alias starts. */
  readonly aliasOffset: bigint;
  /** Offset in the container. */
  readonly addr: bigint;
  /** Size in bytes, up to 2^64. */
  readonly size: bigint;
  /** Priority among its siblings: the higher is in front. */
  readonly priority: number;
  /** A disabled region and all below it is not rendered. */
  readonly enabled: boolean;
  /** Writes reach neither this region nor what it contains. */
  readonly readonly: boolean;
  /** Nonvolatile memory. */
  readonly nonvolatile: boolean;
  /** The ranges of this region and of what it contains are not joined. */
  readonly unmergeable: boolean;
  /** A ROM device's mode: true while reads are direct. */
  readonly romd: boolean;
  /** Whether the region itself answers accesses: all kinds but containers and aliases. */
  readonly terminates: boolean;
  /** The flags that the region itself gives a range, without those of its containers. See {@linkcode RangeFlag}. */
  readonly flags: number;
  /** The clients that log writes to the region, as bits: its own, and those that log all memory. */
  readonly dirtyLogMask: number;
  /** The region that contains this one. */
  readonly container: MemoryRegion | null;
  /** Regions in this one, in the order in which they are rendered: falling priority, among equals the latest first. */
  readonly subregions: readonly MemoryRegion[];
  /** The aliases of this region. */
  readonly aliases: ReadonlySet<MemoryRegion>;
  /** Whether the region is in a container, itself or by way of an alias. Its container may be in none. */
  readonly isMapped: boolean;
  /** The ioeventfds of the region, sorted. */
  readonly ioeventfds: readonly {
    /** Offset in the region, or address in the address space. */
    readonly offset: bigint;
    /** Bytes of the write: 1, 2, 4 or 8; 0 matches any. */
    readonly size: number;
    /** The value that must be written; null matches any. */
    readonly data: bigint | null;
    /** What is signalled: opaque here, compared by identity. */
    readonly event: unknown;
  }[];
  /** The ranges of the region whose writes may be coalesced. */
  readonly coalesced: readonly {
    /** First byte, an offset in the region. */
    readonly offset: bigint;
    /** Bytes. */
    readonly size: bigint;
  }[];
  /**
   * References: one of the creator, one of each container and alias, one for each range of the views; one
   * for all views that share a range.
   */
  readonly refs: number;
  /** Whether the creator has dropped its reference. */
  readonly destroyed: boolean;
  /** @internal Whether accesses to the region neither engage its device nor are refused while it is. */
  readonly isUnguarded: boolean;
  /** @internal Offset in the container, upper half. */
  readonly addrHi: number;
  /** @internal Offset in the container, lower half. */
  readonly addrLo: number;
  /** @internal Size in bytes, upper half: up to 2^32, for a size of 2^64. */
  readonly sizeHi: number;
  /** @internal Size in bytes, lower half. */
  readonly sizeLo: number;
  /** @internal Where in its target an alias starts, upper half. */
  readonly aliasOffsetHi: number;
  /** @internal Where in its target an alias starts, lower half. */
  readonly aliasOffsetLo: number;

  /**
   * Puts a region into this one, at priority 0.
   *
   * @param offset Where, in bytes from the start of this region.
   * @param child A region without a container.
   * @throws {FlatViewError} `INVALID_EDIT` if the child has a container or contains this region.
   */
  addSubregion(offset: Address, child: MemoryRegion): void;

  /**
   * Puts a region into this one, over or under others.
   *
   * @param offset Where, in bytes from the start of this region.
   * @param child A region without a container.
   * @param priority The higher hides the lower; among equals the latest is in front.
   * @throws {FlatViewError} `INVALID_EDIT` if the child has a container or contains this region.
   */
  addSubregionOverlap(offset: Address, child: MemoryRegion, priority: number): void;

  /**
   * Takes a region out of this one.
   *
   * @throws {FlatViewError} `INVALID_EDIT` if the child is not in this region.
   */
  delSubregion(child: MemoryRegion): void;

  /** Moves the region in its container, and in front of its siblings of the same priority. */
  setAddress(address: Address): void;

  /** Changes the size. */
  setSize(bytes: Address): void;

  /**
   * Moves the window that an alias shows.
   *
   * @throws {FlatViewError} `INVALID_EDIT` if the region is not an alias.
   */
  setAliasOffset(bytes: Address): void;

  /** Enables or disables the region and all below it. */
  setEnabled(enabled: boolean): void;

  /** Makes the region and all below it readonly, or takes that back. */
  setReadonly(readonly: boolean): void;

  /** Marks the region and all below it as nonvolatile, or takes that back. */
  setNonvolatile(nonvolatile: boolean): void;

  /**
   * Keeps the ranges of the region and of all below it apart, or takes that back: a listener then gets
   * a section for each alias of it, even where two show adjacent parts.
   */
  setUnmergeable(unmergeable: boolean): void;

  /**
   * Switches a ROM device between direct reads (true) and callbacks.
   *
   * @throws {FlatViewError} `INVALID_EDIT` if the region is not a ROM device.
   */
  setRomd(romd: boolean): void;

  /**
   * Resizes a region that was made with its block ({@linkcode Topology.initRamBlock}), and the
   * block with it. A block grows before the region shows more of it, and shrinks a grace period after
   * the commit: readers of the old view may still use what is cut off. What is in use of the block
   * counts as dirty for all clients.
   *
   * @param bytes The new size, up to the region's `maxSize`. The block has whole pages.
   * @throws {FlatViewError} `INVALID_EDIT` if the region was not made with its block.
   * @throws What the blocks throw, for a size that does not fit: nothing was changed.
   */
  resizeRam(bytes: Address): void;

  /**
   * Starts or stops logging of writes for a client. Calls are counted: a client's logging stops with
   * the last of its users.
   *
   * @param log Whether to log.
   * @param client Number of the client, 0 to 7.
   * @throws {FlatViewError} `INVALID_EDIT` if the region is not RAM, the client is out of range, or
   * logging is stopped more often than it was started.
   */
  setLog(log: boolean, client: number): void;

  /**
   * Has a write signal an event instead of calling the device.
   *
   * @param offset Offset of the write in the region.
   * @param size Bytes of the write: 1, 2, 4 or 8; 0 for any.
   * @param data The value that must be written; null for any.
   * @param event What is signalled: handed to the listeners as it is. If it is an
   * {@linkcode EventNotifier}, every worker signals it; what else it may be is the listeners' alone.
   * @throws {FlatViewError} `INVALID_EDIT` if the size is another one.
   */
  addEventfd(offset: Address, size: Address, data: Address | null, event: unknown): void;

  /**
   * Takes an ioeventfd back.
   *
   * @throws {FlatViewError} `INVALID_EDIT` if the region has none that was added with these values.
   */
  delEventfd(offset: Address, size: Address, data: Address | null, event: unknown): void;

  /** Allows writes to the whole region to be coalesced, and nothing else that was allowed before. */
  setCoalescing(): void;

  /**
   * Allows writes to a part of the region to be coalesced. Listeners are notified at once.
   *
   * @param offset First byte, an offset in the region.
   * @param size Bytes, at least one.
   * @throws {FlatViewError} `INVALID_EDIT` if the range is empty.
   */
  addCoalescing(offset: Address, size: Address): void;

  /** Ends all coalescing. Listeners are notified at once. */
  clearCoalescing(): void;

  /**
   * Takes a reference.
   *
   * @throws {FlatViewError} `REGION_DEAD` if the region is finalised.
   */
  ref(): void;

  /**
   * Drops a reference.
   *
   * @throws {FlatViewError} `REGION_DEAD` if the region is finalised.
   */
  unref(): void;

  /**
   * Drops the creator's reference. Once the region is in no container, no alias shows it and the last
   * view that held it is freed (after that view's grace period), the `finalize` callback runs, in the
   * control context, exactly once.
   *
   * @throws {FlatViewError} `REGION_DEAD` if it was destroyed before.
   */
  destroy(): void;
}
