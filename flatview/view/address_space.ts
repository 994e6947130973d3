import { type Arena, RcuPointer } from "@guestmem/rcu";
import type { MemoryRegion } from "../region/memory_region.ts";
import type { Topology } from "../topology/topology.ts";
import type { FlatView } from "./flat_view.ts";
import type { IoEventFd } from "./ioeventfd.ts";
import { ListenerList } from "./listener.ts";

/** What a worker attaches to an address space with. Structured-cloneable. */
export interface AddressSpaceHandle {
  /** Tells it from other handles. */
  readonly kind: "guestmem-address-space";
  /** Id of the arena. */
  readonly arena: string;
  /** Offset of the cell in the arena. */
  readonly cell: number;
  /** Offset of the cell that points at the table of the regions. */
  readonly regions: number;
  /** A random number of the topology: region ids are unique in one. */
  readonly topology: number;
  /** Name of the address space. */
  readonly name: string;
}

/**
 * An address space in the control context: a root region, and one cell in the arena that points at
 * the view that readers see. Created by {@linkcode Topology.createAddressSpace}.
 */
export class AddressSpace {
  /** The topology. */
  readonly topology: Topology;
  /** Name; names may repeat. */
  readonly name: string;
  /** The root region. */
  readonly root: MemoryRegion;
  /** @internal Order of creation. */
  readonly id: number;
  /** @internal The listeners of this address space. */
  readonly listeners: ListenerList = new ListenerList();
  /** @internal */
  shown: FlatView;
  /** @internal The ioeventfds that listeners know of. */
  eventfds: readonly IoEventFd[] = [];
  /** @internal */
  destroyed = false;
  readonly #cell: RcuPointer;
  readonly #arena: Arena;
  readonly #regions: number;

  /** @internal */
  constructor(
    topology: Topology,
    arena: Arena,
    regions: number,
    id: number,
    name: string,
    root: MemoryRegion,
    view: FlatView,
  ) {
    this.topology = topology;
    this.id = id;
    this.name = name;
    this.root = root;
    this.shown = view;
    this.#arena = arena;
    this.#regions = regions;
    this.#cell = RcuPointer.create(arena, view.offset);
  }

  /** The view that readers see now. Its content is readable until the next commit. */
  get view(): FlatView {
    return this.shown;
  }

  /** What workers attach with. Valid until the address space is destroyed. */
  get handle(): AddressSpaceHandle {
    return {
      kind: "guestmem-address-space",
      arena: this.#arena.handle.id,
      cell: this.#cell.offset,
      regions: this.#regions,
      topology: this.topology.stamp,
      name: this.name,
    };
  }

  /** @internal Makes a view what readers see: one store, so one step. */
  publish(view: FlatView): void {
    this.shown = view;
    this.#cell.publish(view.offset);
  }

  /** @internal Offset of the cell, to be freed after a grace period. */
  get cell(): number {
    return this.#cell.offset;
  }

  /**
   * Destroys the address space under its readers: from now on they see nothing assigned, and the cell
   * is freed after a grace period. Workers must have let go of the handle by then.
   *
   * @throws {AddressSpaceStateError} If it has listeners, was destroyed before, or a transaction is open.
   */
  destroy(): void {
    this.topology.destroyAddressSpace(this);
  }
}
