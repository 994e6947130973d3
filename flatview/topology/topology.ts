import { FlatViewError, ListenerError } from "../errors/flat_view_error.ts";
import { type Address, toAddress, toSize } from "../region/address.ts";
import type { CoalescedRange } from "../region/coalesced_range.ts";
import type { MemoryRegion } from "../region/memory_region.ts";
import type { RegionHost } from "../region/region_host.ts";
import { RegionFactory } from "../region/region_factory.ts";
import { TransactionLog } from "../region/transaction_log.ts";
import { AddressSpace, type AddressSpaceOwner } from "../view/address_space.ts";
import { AddressSpaces, type PublishedState } from "../view/address_spaces.ts";
import { findSection } from "../view/find_section.ts";
import type { FlatView } from "../view/flat_view.ts";
import type { MemoryListener, MemoryRegionSection } from "../view/memory_listener.ts";
import { notifyCoalescedPart } from "../view/notify_coalesced.ts";
import { notifyLogClear, notifyLogSync } from "../view/notify_dirty_log.ts";
import { publishViews } from "../view/publish_views.ts";
import type { ViewMemory, ViewReclaimer } from "../view/view_memory.ts";
import { planViews } from "../view/view_plan.ts";
import { type ViewStats, ViewStore } from "../view/view_store.ts";
import { GlobalLog } from "./global_log.ts";

/** What a topology is made with. */
export interface TopologyOptions {
  /** The arena in which views are published. Without one the topology is a tree that can be edited, rendered and printed. */
  readonly arena?: ViewMemory;
  /** The arena's RCU domain, whose grace periods views and regions await. */
  readonly domain?: ViewReclaimer;
  /** Bits of a page of the dispatch: 12 unless given. */
  readonly pageBits?: number;
}

/**
 * The topology of guest memory: the regions, their transactions and what is published of them.
 * Everything here belongs to one control context.
 */
export class Topology extends RegionFactory {
  readonly #memory: ViewMemory | null;
  readonly #store: ViewStore | null;
  readonly #log = new TransactionLog<MemoryRegion>();
  readonly #spaces = new AddressSpaces();
  readonly #owner: AddressSpaceOwner | null;
  /** Address spaces that the open transaction created. */
  readonly #newSpaces = new Set<AddressSpace>();
  /** Regions without references, to be finalised. */
  readonly #unreferenced: MemoryRegion[] = [];
  /** What listeners threw during the open transaction. */
  readonly #listenerErrors: unknown[] = [];
  readonly #globalLog = new GlobalLog(this.#log, this.#spaces, this.#listenerErrors);
  #nextSpace = 0;
  #finalizing = false;

  /** @internal */
  protected override readonly host: RegionHost<MemoryRegion> = {
    log: this.#log,
    globalLogMask: () => this.#globalLog.mask,
    transaction: (edit) => this.transaction(edit),
    unreferenced: (region) => {
      this.#unreferenced.push(region);
      if (this.#log.depth === 0) this.#finalizeUnreferenced();
    },
    coalescedChanged: (region, range, change) => this.#notifyCoalesced(region, range, change),
  };

  /**
   * Creates an empty topology.
   *
   * @param options Where to publish.
   * @throws {ArenaExhaustedError} If the arena has no room for the empty view.
   */
  constructor({ arena, domain, pageBits = 12 }: TopologyOptions = {}) {
    super();
    this.#memory = arena ?? null;
    this.#store = arena && domain ? new ViewStore(arena, domain, pageBits) : null;
    this.#owner = this.#store && {
      stamp: crypto.getRandomValues(new Uint32Array(1))[0]!,
      regions: this.#store.regions.cell,
      destroy: (space) => this.#destroySpace(space),
    };
  }

  /** The address spaces in the order of their creation. */
  get addressSpaces(): readonly AddressSpace[] {
    return this.#spaces.all();
  }

  /** What was rendered, built, shared and freed so far. */
  get stats(): ViewStats {
    return this.#publishing("count views").stats;
  }

  /** The view of every address space in which nothing can be seen. */
  get emptyView(): FlatView {
    return this.#publishing("show nothing").empty;
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
    const log = this.#log;
    log.begin();
    let result: T;
    try {
      result = changes();
      if (log.depth === 1) this.#commit();
    } catch (error) {
      log.rollBack();
      throw log.depth === 1 ? this.#withListenerErrors(error) : error;
    } finally {
      log.end();
      if (log.depth === 0) {
        this.#newSpaces.clear();
        this.#finalizeUnreferenced();
      }
    }
    if (log.depth === 0 && this.#listenerErrors.length > 0) {
      throw new ListenerError(this.#listenerErrors.splice(0));
    }
    return result;
  }

  /**
   * Publishes what the outermost transaction changed. All that can fail comes before anything is
   * published, so that the transaction can still be undone.
   */
  #commit(): void {
    const [log, store] = [this.#log, this.#store];
    log.freeze();
    if (store !== null && log.dirty.size + log.eventfds.size + this.#newSpaces.size > 0) {
      const plan = planViews(log, this.#newSpaces, this.#spaces, store);
      log.discardUndo();
      publishViews(plan, log.dirty.size > 0, this.#spaces, store, this.#listenerErrors);
    }
    this.#globalLog.committed();
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
    const store = this.#publishing("create an address space");
    return this.transaction(() => {
      root.ref();
      this.#log.record(() => root.unref());
      const { empty } = store;
      const id = this.#nextSpace++;
      const space = new AddressSpace(this.#owner!, this.#memory!, id, name, root, empty);
      store.attach(empty);
      this.#spaces.add(space);
      this.#newSpaces.add(space);
      this.#log.record(() => {
        this.#newSpaces.delete(space);
        this.#removeSpace(space);
      });
      return space;
    });
  }

  #destroySpace(space: AddressSpace): void {
    const refusal = (reason: string) => stateError("destroy", space.name, reason);
    const listened = this.#spaces.get(space);
    if (listened === undefined) throw refusal("it was destroyed before");
    if (listened.listeners.size > 0) {
      throw refusal(`${listened.listeners.size} listeners are registered`);
    }
    if (this.#log.depth > 0) throw refusal("a transaction is open");
    this.#removeSpace(space);
    space.root.unref();
    this.#store!.reap();
  }

  #removeSpace(space: AddressSpace): void {
    const store = this.#store!;
    const old = space.view;
    space.publish(store.empty);
    store.detach(old);
    this.#spaces.delete(space);
    store.retire(() => this.#memory!.free(space.cell));
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
    const { eventfds } = this.#log;
    const published: PublishedState = {
      eventfdsOf: (region) => eventfds.get(region) ?? region.ioeventfds,
      logsAll: this.#globalLog.isAnnounced,
    };
    notify((errors) => this.#spaces.register(listener, space, published, errors));
  }

  /**
   * Takes a listener back, and notifies it that what was there is gone.
   *
   * @throws {FlatViewError} `ADDRESS_SPACE_STATE` if it is not registered there.
   * @throws {ListenerError} If the listener threw; it is taken back.
   */
  unregisterListener(listener: MemoryListener, space: AddressSpace): void {
    notify((errors) => this.#spaces.unregister(listener, space, errors));
  }

  /**
   * Starts to log writes to all memory, for client 2 (migration) of each region. Calls are counted.
   *
   * @throws {ListenerError} If listeners threw; logging has started.
   */
  startGlobalLog(): void {
    this.transaction(() => this.#globalLog.start());
  }

  /**
   * Stops logging writes to all memory, once it was called as often as
   * {@linkcode Topology.startGlobalLog}.
   *
   * @throws {FlatViewError} `NOT_LOGGING` if it was called more often.
   * @throws {ListenerError} If listeners threw; logging has stopped.
   */
  stopGlobalLog(): void {
    this.transaction(() => this.#globalLog.stop());
  }

  /**
   * Asks the listeners to bring dirty logs up to date (`logSync`). To be called before a log is read.
   *
   * @param region The region whose log will be read; all unless given.
   * @throws {ListenerError} If listeners threw; all were asked.
   */
  syncDirtyLog(region: MemoryRegion | null = null): void {
    notify((errors) => notifyLogSync(this.#spaces, region, errors));
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
    notify((errors) => notifyLogClear(this.#spaces, region, from, to, errors));
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
    return findSection(this.#spaces, region, from, toSize(size, "the size to find"));
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
    const action = "close the topology of";
    for (const { name } of this.#spaces.all()) {
      throw stateError(action, name, "it is not destroyed");
    }
    this.reap();
    if (this.#store !== null && this.#store.held > 0) {
      throw stateError(action, "a destroyed", `readers hold ${this.#store.held} of its views`);
    }
    this.#store?.close();
  }

  #publishing(action: string): ViewStore {
    if (this.#store === null) throw new FlatViewError("NOT_PUBLISHING", { action });
    return this.#store;
  }

  /** Notifies the listeners of every address space that shows the region now. */
  #notifyCoalesced(region: MemoryRegion, coalesced: CoalescedRange, change: "add" | "del"): void {
    for (const listened of this.#spaces.hearing("coalescedIoAdd", "coalescedIoDel")) {
      for (const range of listened.space.view.ranges()) {
        if (range.region === region) {
          notifyCoalescedPart(listened, range, coalesced, change, this.#listenerErrors);
        }
      }
    }
  }

  /** What a failed transaction throws: its error, and what listeners threw when they heard of changes. */
  #withListenerErrors(error: unknown): unknown {
    const errors = this.#listenerErrors.splice(0);
    if (errors.length === 0) return error;
    return new AggregateError([error, ...errors], "A transaction failed, and so did listeners");
  }

  #finalizeUnreferenced(): void {
    // Finalising drops the references to children and targets, which may be their last: they queue up.
    if (this.#finalizing) return;
    this.#finalizing = true;
    const queue = this.#unreferenced;
    const errors: unknown[] = [];
    for (let region = queue.shift(); region !== undefined; region = queue.shift()) {
      if (region.refs !== 0) continue;
      this.#store?.regions.drop(region);
      try {
        region.finalize();
      } catch (error) {
        errors.push(error);
      }
    }
    this.#finalizing = false;
    if (errors.length === 0) return;
    // They would be thrown after the finalisers' errors, which hide them.
    errors.push(...this.#listenerErrors.splice(0));
    throw new AggregateError(errors, "Finalisers of regions failed");
  }
}

/** Makes calls of listeners, and throws what they threw once all are made. */
function notify(call: (errors: unknown[]) => void): void {
  const errors: unknown[] = [];
  call(errors);
  if (errors.length > 0) throw new ListenerError(errors);
}

function stateError(action: string, addressSpace: string, reason: string): FlatViewError {
  return new FlatViewError("ADDRESS_SPACE_STATE", { action, addressSpace, reason });
}
