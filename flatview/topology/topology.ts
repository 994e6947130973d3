import { FlatViewError, ListenerError } from "../errors/flat_view_error.ts";
import type { CoalescedRange } from "../region/coalesced_range.ts";
import type { MemoryRegion } from "../region/memory_region.ts";
import type { RegionHost } from "../region/region_host.ts";
import { AddressSpace, type AddressSpaceOwner } from "../view/address_space.ts";
import type { FlatView } from "../view/flat_view.ts";
import { notifyCoalescedPart } from "../view/notify_coalesced.ts";
import { publishViews } from "../view/publish_views.ts";
import type { ViewMemory, ViewReclaimer } from "../view/view_memory.ts";
import { planViews } from "../view/view_plan.ts";
import { type ViewStats, ViewStore } from "../view/view_store.ts";
import { ListenedTopology } from "./listened_topology.ts";

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
export class Topology extends ListenedTopology {
  readonly #memory: ViewMemory | null;
  readonly #store: ViewStore | null;
  readonly #owner: AddressSpaceOwner | null;
  /** Address spaces that the open transaction created. */
  readonly #newSpaces = new Set<AddressSpace>();
  /** Regions without references, to be finalised. */
  readonly #unreferenced: MemoryRegion[] = [];
  #nextSpace = 0;
  #finalizing = false;

  /** @internal */
  protected override readonly host: RegionHost<MemoryRegion> = {
    log: this.log,
    globalLogMask: () => this.globalLog.mask,
    transaction: (edit) => this.transaction(edit),
    afterGracePeriod: (run) => {
      const { afterGracePeriod: queue } = this.log;
      queue.push(run);
      this.log.record(() => queue.splice(queue.indexOf(run), 1));
    },
    unreferenced: (region) => {
      this.#unreferenced.push(region);
      if (this.log.depth === 0) this.#finalizeUnreferenced();
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
    return this.spaces.all();
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
  override transaction<T>(changes: () => T): T {
    const log = this.log;
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
    if (log.depth === 0 && this.listenerErrors.length > 0) {
      throw new ListenerError(this.listenerErrors.splice(0));
    }
    return result;
  }

  /**
   * Publishes what the outermost transaction changed. All that can fail comes before anything is
   * published, so that the transaction can still be undone.
   */
  #commit(): void {
    const { log } = this;
    const store = this.#store;
    log.freeze();
    if (store !== null && log.dirty.size + log.eventfds.size + this.#newSpaces.size > 0) {
      const plan = planViews(log, this.#newSpaces, this.spaces, store);
      log.discardUndo();
      publishViews(plan, log.dirty.size > 0, this.spaces, store, this.listenerErrors);
    }
    this.globalLog.committed();
    for (const run of log.afterGracePeriod) store === null ? run() : store.retire(run);
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
      this.log.record(() => root.unref());
      const { empty } = store;
      const id = this.#nextSpace++;
      const space = new AddressSpace(this.#owner!, this.#memory!, id, name, root, empty);
      store.attach(empty);
      this.spaces.add(space);
      this.#newSpaces.add(space);
      this.log.record(() => {
        this.#newSpaces.delete(space);
        this.#removeSpace(space);
      });
      return space;
    });
  }

  #destroySpace(space: AddressSpace): void {
    const refusal = (reason: string) => stateError("destroy", space.name, reason);
    const listened = this.spaces.get(space);
    if (listened === undefined) throw refusal("it was destroyed before");
    if (listened.listeners.size > 0) {
      throw refusal(`${listened.listeners.size} listeners are registered`);
    }
    if (this.log.depth > 0) throw refusal("a transaction is open");
    this.#removeSpace(space);
    space.root.unref();
    this.#store!.reap();
  }

  #removeSpace(space: AddressSpace): void {
    const store = this.#store!;
    const old = space.view;
    space.publish(store.empty);
    store.detach(old);
    this.spaces.delete(space);
    store.retire(() => this.#memory!.free(space.cell));
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
    for (const { name } of this.spaces.all()) {
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
    for (const listened of this.spaces.hearing("coalescedIoAdd", "coalescedIoDel")) {
      for (const range of listened.space.view.ranges()) {
        if (range.region === region) {
          notifyCoalescedPart(listened, range, coalesced, change, this.listenerErrors);
        }
      }
    }
  }

  /** What a failed transaction throws: its error, and what listeners threw when they heard of changes. */
  #withListenerErrors(error: unknown): unknown {
    const errors = this.listenerErrors.splice(0);
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
    errors.push(...this.listenerErrors.splice(0));
    throw new AggregateError(errors, "Finalisers of regions failed");
  }
}

function stateError(action: string, addressSpace: string, reason: string): FlatViewError {
  return new FlatViewError("ADDRESS_SPACE_STATE", { action, addressSpace, reason });
}
