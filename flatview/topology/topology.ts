import type { Arena } from "@guestmem/rcu";
import { editable } from "../region/edit.ts";
import type { MemoryRegion } from "../region/memory_region.ts";
import { RegionFactory } from "../region/region_factory.ts";
import { type PendingChanges, TransactionLog } from "../region/transaction_log.ts";
import { AddressSpace } from "../view/address_space.ts";
import { type CommitPlan, planCommit, publishPlan } from "../view/commit.ts";
import { dirtyLogMask } from "../view/diff.ts";
import { AddressSpaceStateError, ListenerError, NotPublishingError } from "../view/errors.ts";
import type { FlatView } from "../view/flat_view.ts";
import { ListenerList, type MemoryListener, sectionOf } from "../view/listener.ts";
import { type Publication, type ViewStats, ViewStore } from "../view/view_store.ts";

/** What a topology is made with. */
export interface TopologyOptions {
  /** The arena in which views are published. Without one the topology is a tree that can be edited, rendered and printed. */
  readonly arena?: Arena;
  /** The arena's RCU domain, whose grace periods views and regions await. */
  readonly domain?: Publication["domain"];
  /** Bits of a page of the dispatch: 12 unless given. */
  readonly pageBits?: number;
}

/**
 * The topology of guest memory: the regions, their transactions and what is published of them.
 * Everything here belongs to one control context.
 */
export class Topology extends RegionFactory {
  /** @internal */
  readonly log: TransactionLog;
  readonly #arena: Arena | null;
  readonly #store: ViewStore | null;
  readonly #listeners = new ListenerList();
  readonly #spaces = new Set<AddressSpace>();
  #nextSpace = 0;
  #dropped: MemoryRegion[] = [];
  #finalizing = false;

  /**
   * Creates an empty topology.
   *
   * @param options Where to publish.
   * @throws {ArenaExhaustedError} If the arena has no room for the empty view.
   */
  constructor({ arena, domain, pageBits = 12 }: TopologyOptions = {}) {
    super();
    this.#arena = arena ?? null;
    this.#store = arena && domain ? new ViewStore({ arena, domain, pageBits }) : null;
    this.log = new TransactionLog(
      (changes) => this.#commit(changes),
      () => this.#finalizeDropped(),
    );
  }

  /** @internal Tells this topology's handles from another's, even where offsets are used again. */
  readonly stamp: number = crypto.getRandomValues(new Uint32Array(1))[0]!;

  /** The address spaces in the order of their creation. */
  get addressSpaces(): readonly AddressSpace[] {
    return [...this.#spaces];
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
   * are as they were when the function was entered.
   *
   * @param changes Makes the changes; must not be async.
   * @returns What the function returned.
   */
  transaction<T>(changes: () => T): T {
    this.log.begin();
    let result: T;
    try {
      result = changes();
    } catch (error) {
      this.log.abort();
      throw error;
    }
    this.log.commit();
    return result;
  }

  /**
   * Creates an address space over a root. In an open transaction its readers see nothing until that
   * is committed.
   *
   * @param name Name; names may repeat.
   * @param root The root region.
   * @returns The address space; its `handle` is for readers.
   * @throws {ArenaExhaustedError} And the errors of rendering: nothing was created.
   */
  createAddressSpace(name: string, root: MemoryRegion): AddressSpace {
    const store = this.#publishing("create an address space");
    return this.transaction(() => {
      const arena = this.#arena!;
      const space = new AddressSpace(
        this,
        arena,
        store.regions.cell,
        this.#nextSpace++,
        name,
        root,
        store.empty,
      );
      store.attach(store.empty);
      this.#spaces.add(space);
      editable(root).addressSpaces.add(space);
      root.ref();
      this.log.spaces.add(space);
      this.log.record(() => {
        this.log.spaces.delete(space);
        this.#remove(space);
      });
      return space;
    });
  }

  /** @internal See {@linkcode AddressSpace.destroy}. */
  destroyAddressSpace(space: AddressSpace): void {
    const { name, listeners, destroyed } = space;
    const fail = (reason: string) => new AddressSpaceStateError("destroy", name, reason);
    if (destroyed) throw fail("it was destroyed before");
    if (listeners.size > 0) throw fail(`${listeners.size} listeners are registered`);
    if (this.log.open) throw fail("a transaction is open");
    this.#remove(space);
    this.#store!.reap();
  }

  #remove(space: AddressSpace): void {
    const store = this.#store!;
    const old = space.view;
    space.publish(store.empty);
    store.detach(old);
    space.destroyed = true;
    this.#spaces.delete(space);
    editable(space.root).addressSpaces.delete(space);
    store.retire(() => this.#arena!.free(space.cell));
    space.root.unref();
  }

  /**
   * Registers a listener for an address space, and tells it of what is there.
   *
   * @param listener Is told of changes from now on.
   * @param space The address space.
   * @throws {AddressSpaceStateError} If it is registered there already, or the address space is destroyed.
   */
  registerListener(listener: MemoryListener, space: AddressSpace): void {
    const fail = (reason: string) =>
      new AddressSpaceStateError("register a listener for", space.name, reason);
    if (space.destroyed) throw fail("it is destroyed");
    if (this.#listeners.has(listener)) throw fail("the listener is registered already");
    this.#listeners.add(listener);
    space.listeners.add(listener);
    listener.begin?.();
    for (const range of space.view.ranges()) {
      const section = sectionOf(space, range);
      const mask = dirtyLogMask(range);
      listener.regionAdd?.(section);
      if (mask !== 0) listener.logStart?.(section, 0, mask);
    }
    listener.commit?.();
  }

  /**
   * Takes a listener back, and tells it that what was there is gone.
   *
   * @throws {AddressSpaceStateError} If it is not registered there.
   */
  unregisterListener(listener: MemoryListener, space: AddressSpace): void {
    if (!space.listeners.has(listener)) {
      throw new AddressSpaceStateError(
        "unregister a listener of",
        space.name,
        "the listener is not registered",
      );
    }
    listener.begin?.();
    for (const range of space.view.ranges()) {
      const section = sectionOf(space, range);
      const mask = dirtyLogMask(range);
      if (mask !== 0) listener.logStop?.(section, mask, 0);
      listener.regionDel?.(section);
    }
    listener.commit?.();
    this.#listeners.remove(listener);
    space.listeners.remove(listener);
  }

  /** Hands views whose last holder has let go to a grace period. Every commit does so too. */
  reap(): void {
    this.#store?.reap();
  }

  /**
   * Gives all shared memory back, after a grace period. The topology is not to be used afterwards.
   *
   * @throws {AddressSpaceStateError} If an address space is left, or a reader holds a view.
   */
  close(): void {
    for (const { name } of this.#spaces) {
      throw new AddressSpaceStateError("close the topology of", name, "it is not destroyed");
    }
    this.reap();
    if (this.#store !== null && this.#store.held > 0) {
      const reason = `readers hold ${this.#store.held} of its views`;
      throw new AddressSpaceStateError("close the topology of", "a destroyed", reason);
    }
    this.#store?.close();
  }

  /** @internal The address spaces that somebody listens to. */
  listenedSpaces(): AddressSpace[] {
    return [...this.#spaces].filter(({ listeners }) => listeners.size > 0);
  }

  /** @internal */
  throwListenerErrors(errors: readonly unknown[]): void {
    if (errors.length > 0) throw new ListenerError(errors);
  }

  #publishing(action: string): ViewStore {
    if (this.#store === null) throw new NotPublishingError(action);
    return this.#store;
  }

  /** Publishes; what listeners throw comes after, as the views are out by then. */
  #commit(changes: PendingChanges): void {
    if (this.#store === null) return;
    const settleEvents = this.#store.regions.planEvents(changes.eventfds);
    if (this.#spaces.size === 0) return settleEvents(true);
    let plan: CommitPlan;
    try {
      plan = planCommit(changes, this.#store);
    } catch (error) {
      settleEvents(false);
      throw error;
    }
    this.log.seal();
    const errors: unknown[] = [];
    settleEvents(true);
    publishPlan(plan, changes.dirty.size > 0, this.#listeners, this.#store, errors);
    this.throwListenerErrors(errors);
  }

  /** @internal A region's last reference is gone: it is finalised once no transaction can bring it back. */
  dropped(region: MemoryRegion): void {
    this.#dropped.push(region);
    if (!this.log.open) this.#finalizeDropped();
  }

  #finalizeDropped(): void {
    // Finalising drops the references to children and targets, which may be their last: they queue up.
    if (this.#finalizing) return;
    this.#finalizing = true;
    const errors: unknown[] = [];
    for (let region = this.#dropped.shift(); region !== undefined; region = this.#dropped.shift()) {
      if (region.refs !== 0) continue;
      this.#store?.regions.drop(region);
      finalize(region, errors);
    }
    this.#finalizing = false;
    if (errors.length > 0) throw new AggregateError(errors, "Finalisers of regions failed");
  }
}

function finalize(region: MemoryRegion, errors: unknown[]): void {
  for (const child of [...region.subregions]) {
    editable(child).container = null;
    child.unref();
  }
  editable(region).subregions.length = 0;
  if (region.alias !== null) {
    editable(region.alias).aliases.delete(region);
    region.alias.unref();
  }
  try {
    region.finalize?.(region);
  } catch (error) {
    errors.push(error);
  }
}
