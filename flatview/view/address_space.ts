import { RcuPointer } from "@guestmem/rcu";
import type { MemoryRegion } from "../region/memory_region.ts";
import type { FlatView } from "./flat_view.ts";
import type { ViewMemory } from "./view_memory.ts";

/** What a worker attaches to an address space with. Structured-cloneable. */
export interface AddressSpaceHandle {
  /** Distinguishes it from other handles. */
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

/** What an address space needs of the topology that it belongs to. */
export interface AddressSpaceOwner {
  /** Distinguishes this topology's handles from another's, even where offsets are used again. */
  readonly stamp: number;
  /** Offset of the cell that points at the table of the regions. */
  readonly regions: number;
  /** Takes an address space away from its readers: see {@linkcode AddressSpace.destroy}. */
  destroy(space: AddressSpace): void;
}

/**
 * An address space in the control context: a root region, and one cell in the arena that points at
 * the view that readers see. Created by {@linkcode Topology.createAddressSpace}.
 */
export class AddressSpace {
  /** Name; names may repeat. */
  readonly name: string;
  /** The root region. */
  readonly root: MemoryRegion;
  /** @internal Order of creation. */
  readonly id: number;
  readonly #owner: AddressSpaceOwner;
  readonly #memory: ViewMemory;
  readonly #cell: RcuPointer;
  #view: FlatView;

  /** @internal */
  constructor(
    owner: AddressSpaceOwner,
    memory: ViewMemory,
    id: number,
    name: string,
    root: MemoryRegion,
    view: FlatView,
  ) {
    this.#owner = owner;
    this.#memory = memory;
    this.id = id;
    this.name = name;
    this.root = root;
    this.#view = view;
    this.#cell = RcuPointer.create(memory, view.offset);
  }

  /** The view that readers see now. Its content is readable until the next commit. */
  get view(): FlatView {
    return this.#view;
  }

  /** What workers attach with. Valid until the address space is destroyed. */
  get handle(): AddressSpaceHandle {
    return {
      kind: "guestmem-address-space",
      arena: this.#memory.handle.id,
      cell: this.cell,
      regions: this.#owner.regions,
      topology: this.#owner.stamp,
      name: this.name,
    };
  }

  /** @internal Offset of the cell, to be freed after a grace period. */
  get cell(): number {
    return this.#cell.offset;
  }

  /** @internal Makes a view what readers see: one store, so one step. */
  publish(view: FlatView): void {
    this.#view = view;
    this.#cell.publish(view.offset);
  }

  /**
   * Destroys the address space under its readers: from now on they see nothing assigned, and the cell
   * is freed after a grace period. Workers must have let go of the handle by then.
   *
   * @throws {FlatViewError} `ADDRESS_SPACE_STATE` if it has listeners, was destroyed before, or a
   * transaction is open.
   */
  destroy(): void {
    this.#owner.destroy(this);
  }
}
