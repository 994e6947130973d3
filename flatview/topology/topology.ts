import type { BlockAllocator, Reclaimer } from "@guestmem/rcu";
import { FlatViewError, ListenerError } from "../errors/flat_view_error.ts";
import { type Address, toAddress, toSize } from "../region/address.ts";
import { createRegion, toRam } from "../region/create_region.ts";
import type { MemoryRegion, RegionOptions } from "../region/memory_region.ts";
import { type RamBlocks, RegionBlock } from "../region/region_block.ts";
import type { IommuOps, MemoryRegionOps, RamBacking } from "../region/region_ops.ts";
import type { RegionNature } from "../region/region_state.ts";
import type { AddressSpace } from "../view/address_space.ts";
import type { PublishedState } from "../view/address_spaces.ts";
import { findSection } from "../view/find_section.ts";
import type { FlatView } from "../view/flat_view.ts";
import type { MemoryListener, MemoryRegionSection } from "../view/memory_listener.ts";
import { notifyLogClear, notifyLogSync } from "../view/notify_dirty_log.ts";
import { ViewStore } from "../view/view_store.ts";
import { PublishedSpaces } from "./published_spaces.ts";
import { Transactions } from "./transactions.ts";

/**
 * The topology of guest memory: the regions, their transactions and what is published of them.
 * Everything here belongs to one control context.
 *
 * @example
 * ```ts
 * import { Topology } from "@guestmem/flatview";
 * import { Arena, RcuDomain } from "@guestmem/rcu";
 * import { assertEquals } from "@std/assert";
 *
 * const arena = Arena.create({ bytes: 1 << 20 });
 * const topology = new Topology({ arena, domain: RcuDomain.create(arena) });
 * const system = topology.initContainer("system", 2n ** 64n);
 * const bar = topology.initIo("bar", 0x1000, {});
 * const memory = topology.createAddressSpace("memory", system);
 * topology.transaction(() => { // one step for readers
 *   system.addSubregion(0xe000_0000, bar);
 *   bar.setSize(0x100);
 * });
 * assertEquals(memory.view.ranges().map(({ first, last }) => last - first + 1n), [0x100n]);
 * ```
 */
export class Topology {
  readonly #store: ViewStore | null;
  readonly #transactions: Transactions;
  readonly #spaces: PublishedSpaces | null;
  #nextRegion = 1;

  /**
   * Creates an empty topology.
   *
   * @param options Where to publish.
   * @throws {ArenaExhaustedError} If the arena has no room for the empty view.
   */
  constructor({ arena, domain, pageBits = 12 }: {
    /** The arena in which views are published. Without one the topology is a tree that can be edited, rendered and printed. */
    readonly arena?: BlockAllocator & {
      /** Token of this context. */
      readonly token: number;
      /** Its `id` says whether a handle belongs to this memory. */
      readonly handle: { readonly id: string };
    };
    /** The arena's RCU domain, whose grace periods views and regions await. */
    readonly domain?: Pick<Reclaimer, "callRcu"> & {
      /** Blocks until what was queued has run. */
      barrier(): void;
    };
    /** Bits of a page of the dispatch: 12 unless given. */
    readonly pageBits?: number;
  } = {}) {
    this.#store = arena && domain ? new ViewStore(arena, domain, pageBits) : null;
    this.#transactions = new Transactions(this.#store);
    this.#spaces = this.#store && new PublishedSpaces(arena!, this.#store, this.#transactions);
  }

  /** The address spaces in the order of their creation. */
  get addressSpaces(): readonly AddressSpace[] {
    return this.#transactions.spaces.all();
  }

  /** What was rendered, built, shared and freed so far. */
  get stats(): {
    /** Renderings of a physical root. */
    readonly rendered: number;
    /** Views built; a rendering that shows what the root's view shows already builds none. */
    readonly built: number;
    /** Dispatches built; a view that shows what one of the latest shows has its dispatch. */
    readonly dispatches: number;
    /** Times that an address space was given a view that another one shows as well. */
    readonly shared: number;
    /** Views freed, their grace period over. */
    readonly freed: number;
    /** Views alive, held or waiting for their grace period, the empty one included. */
    readonly alive: number;
    /** Sections of the dispatches of these views, those that dispatches share counted once. */
    readonly sections: number;
    /** Nodes of these dispatches, counted likewise. */
    readonly nodes: number;
  } {
    return this.#publishing("count views", this.#store).stats;
  }

  /** The view of every address space in which nothing can be seen. */
  get emptyView(): FlatView {
    return this.#publishing("show nothing", this.#store).empty;
  }

  /**
   * Runs changes as one transaction: readers of an address space see all of them or none. May nest;
   * the outermost publishes. If the function or the commit throws, the tree and the published views
   * are as they were when the function was entered; a {@linkcode ListenerError} is thrown after
   * publication and undoes nothing.
   *
   * @param changes Makes the changes; must not be async.
   * @returns What the function returned.
   * @throws {FlatViewError} `COMMIT_IN_PROGRESS` from a listener.
   * @throws {ListenerError} If listeners threw; the commit is complete.
   * @throws {AggregateError} If the transaction failed and listeners threw as well: its error first.
   */
  transaction<T>(changes: () => T): T {
    return this.#transactions.transaction(changes);
  }

  /** A pure container: it shows its subregions and answers nothing itself. */
  initContainer(name: string, size: Address, options: RegionOptions = {}): MemoryRegion {
    return this.#create(name, size, { kind: "container" }, options);
  }

  /** RAM. */
  initRam(
    name: string,
    size: Address,
    ram: RamBacking,
    options: RegionOptions = {},
  ): MemoryRegion {
    return this.#create(name, size, { kind: "ram", ram: toRam(ram) }, options);
  }

  /**
   * RAM with a block of its own, which lives as long as the region and is resized with it: see
   * {@linkcode MemoryRegion.resizeRam}.
   *
   * @param name Name of the region and of the block.
   * @param size Bytes. The block has whole pages.
   * @param blocks Where the block is added.
   * @param options The region's, and `maxSize`, the bytes that it can be resized to: `size` unless given.
   * @throws {FlatViewError} `INVALID_ADDRESS`.
   * @throws What the blocks throw, if there is no room for one.
   */
  initRamBlock(
    name: string,
    size: Address,
    blocks: RamBlocks,
    options: RegionOptions & { readonly maxSize?: Address } = {},
  ): MemoryRegion {
    const bytes = toSize(size, "the size of a region");
    const most = toSize(options.maxSize ?? size, "the largest size of a region");
    const block = new RegionBlock(blocks, name, bytes, most);
    const ram = toRam({ blockId: block.id, ramAddr: block.offset });
    return this.#create(name, bytes, { kind: "ram", ram, block }, options);
  }

  /** ROM: RAM that the guest cannot write. */
  initRom(
    name: string,
    size: Address,
    ram: RamBacking,
    options: RegionOptions = {},
  ): MemoryRegion {
    return this.#create(name, size, { kind: "rom", ram: toRam(ram) }, options);
  }

  /**
   * A ROM device: in romd mode reads are direct and writes go to the callbacks, else both do.
   *
   * @throws {FlatViewError} `INVALID_EDIT` as in {@linkcode Topology.initIo}.
   */
  initRomDevice(
    name: string,
    size: Address,
    ram: RamBacking,
    ops: MemoryRegionOps,
    options: RegionOptions = {},
  ): MemoryRegion {
    return this.#create(name, size, { kind: "romDevice", ram: toRam(ram), ops }, options);
  }

  /**
   * A RAM device: a device's memory that is accessed through callbacks only.
   *
   * @throws {FlatViewError} `INVALID_EDIT` as in {@linkcode Topology.initIo}.
   */
  initRamDevice(
    name: string,
    size: Address,
    ram: RamBacking,
    ops: MemoryRegionOps,
    options: RegionOptions = {},
  ): MemoryRegion {
    return this.#create(name, size, { kind: "ramDevice", ram: toRam(ram), ops }, options);
  }

  /**
   * Registers of a device: every access goes to the callbacks.
   *
   * @throws {FlatViewError} `INVALID_EDIT` if `impl.unaligned` is set and `valid.unaligned` is not.
   */
  initIo(
    name: string,
    size: Address,
    ops: MemoryRegionOps,
    options: RegionOptions = {},
  ): MemoryRegion {
    return this.#create(name, size, { kind: "io", ops }, options);
  }

  /** A window into another region. */
  initAlias(
    name: string,
    size: Address,
    target: MemoryRegion,
    offset: Address,
    options: RegionOptions = {},
  ): MemoryRegion {
    const aliasOffset = toAddress(offset, "the offset of an alias");
    return this.#create(name, size, { kind: "alias", alias: target, aliasOffset }, options);
  }

  /** An IOMMU: accesses are translated. */
  initIommu(
    name: string,
    size: Address,
    iommu: IommuOps,
    options: RegionOptions = {},
  ): MemoryRegion {
    return this.#create(name, size, { kind: "iommu", iommu }, options);
  }

  /** A reserved range: it hides what lies under it and answers nothing. */
  initReserved(name: string, size: Address, options: RegionOptions = {}): MemoryRegion {
    return this.#create(name, size, { kind: "reserved" }, options);
  }

  /**
   * Creates an address space over a root. In an open transaction its readers see nothing until that
   * is committed.
   *
   * @param name Name; names may repeat.
   * @param root The root region.
   * @returns The address space; its `handle` is for readers.
   * @throws {FlatViewError} `REGION_DEAD` if the root is finalised; nothing was created.
   * @throws {ArenaExhaustedError} And the errors of rendering: nothing was created.
   */
  createAddressSpace(name: string, root: MemoryRegion): AddressSpace {
    return this.#publishing("create an address space", this.#spaces).create(name, root);
  }

  /**
   * Registers a listener for an address space, and notifies it of what is there.
   *
   * @param listener Is notified of changes from now on.
   * @param space The address space.
   * @throws {FlatViewError} `ADDRESS_SPACE_STATE` if the listener is registered already, or the
   * address space is destroyed.
   * @throws {ListenerError} If the listener threw; it is registered.
   */
  registerListener(listener: MemoryListener, space: AddressSpace): void {
    const { log: { eventfds }, globalLog } = this.#transactions;
    const published: PublishedState = {
      eventfdsOf: (region) => eventfds.get(region) ?? region.ioeventfds,
      logsAll: globalLog.isAnnounced,
    };
    notify((errors) => this.#transactions.spaces.register(listener, space, published, errors));
  }

  /**
   * Takes a listener back, and notifies it that what was there is gone.
   *
   * @throws {FlatViewError} `ADDRESS_SPACE_STATE` if it is not registered there.
   * @throws {ListenerError} If the listener threw; it is taken back.
   */
  unregisterListener(listener: MemoryListener, space: AddressSpace): void {
    notify((errors) => this.#transactions.spaces.unregister(listener, space, errors));
  }

  /**
   * Starts to log writes to all memory, for client 2 (migration) of each region. Calls are counted.
   *
   * @throws {ListenerError} If listeners threw; logging has started.
   */
  startGlobalLog(): void {
    this.transaction(() => this.#transactions.globalLog.start());
  }

  /**
   * Stops logging writes to all memory, once it was called as often as
   * {@linkcode Topology.startGlobalLog}.
   *
   * @throws {FlatViewError} `NOT_LOGGING` if it was called more often.
   * @throws {ListenerError} If listeners threw; logging has stopped.
   */
  stopGlobalLog(): void {
    this.transaction(() => this.#transactions.globalLog.stop());
  }

  /**
   * Asks the listeners to bring dirty logs up to date (`logSync`). To be called before a log is read.
   *
   * @param region The region whose log will be read; all unless given.
   * @throws {ListenerError} If listeners threw; all were asked.
   */
  syncDirtyLog(region: MemoryRegion | null = null): void {
    notify((errors) => notifyLogSync(this.#transactions.spaces, region, errors));
  }

  /**
   * Notifies the listeners that a part of a region's dirty log was read and cleared (`logClear`), so
   * that they log its next writes again.
   *
   * @param region The region.
   * @param offset First byte, an offset in the region.
   * @param size Bytes.
   * @throws {FlatViewError} `INVALID_ADDRESS`.
   * @throws {ListenerError} If listeners threw; all were notified.
   */
  clearDirtyLog(region: MemoryRegion, offset: Address, size: Address): void {
    const from = toAddress(offset, "the offset of a dirty log");
    const to = from + toSize(size, "the size of a dirty log");
    notify((errors) => notifyLogClear(this.#transactions.spaces, region, from, to, errors));
  }

  /**
   * Finds what is published at a part of a region, seen from the address space whose root is the
   * region's outermost container: of several, the one that was created first.
   *
   * @param region A region, most often a container or the root itself.
   * @param offset First byte, an offset in the region.
   * @param size Bytes, at least one.
   * @returns The first section that meets the part, cut to it; null if there is none. It is as it was
   * published when the region of the section was found: the next commit may change it.
   * @throws {FlatViewError} `INVALID_ADDRESS`.
   */
  find(region: MemoryRegion, offset: Address, size: Address): MemoryRegionSection | null {
    const from = toAddress(offset, "the offset to find");
    return findSection(this.#transactions.spaces, region, from, toSize(size, "the size to find"));
  }

  /**
   * Whether a region shows something else than itself at an offset: for instance, whether a device has
   * been plugged in there.
   *
   * @param container The region.
   * @param offset An offset in it.
   * @throws {FlatViewError} `INVALID_ADDRESS`.
   */
  isPresent(container: MemoryRegion, offset: Address): boolean {
    const section = this.find(container, offset, 1);
    return section !== null && section.region !== container;
  }

  /** Hands views whose last holder has let go to a grace period. Every commit does so too. */
  reap(): void {
    this.#store?.reap();
  }

  /**
   * Gives all shared memory back, after a grace period. The topology must not be used afterwards.
   *
   * @throws {FlatViewError} `ADDRESS_SPACE_STATE` if an address space is left, or a reader holds a view.
   */
  close(): void {
    this.#spaces?.close();
  }

  #create(
    name: string,
    size: Address,
    nature: RegionNature,
    options: RegionOptions,
  ): MemoryRegion {
    return createRegion(this.#transactions, this.#nextRegion++, name, size, nature, options);
  }

  #publishing<T>(action: string, part: T | null): T {
    if (part === null) throw new FlatViewError("NOT_PUBLISHING", { action });
    return part;
  }
}

/** Makes calls of listeners, and throws what they threw once all are made. */
function notify(call: (errors: unknown[]) => void): void {
  const errors: unknown[] = [];
  call(errors);
  if (errors.length > 0) throw new ListenerError(errors);
}
