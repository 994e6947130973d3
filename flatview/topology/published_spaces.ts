import { FlatViewError } from "../errors/flat_view_error.ts";
import type { MemoryRegion } from "../region/memory_region.ts";
import { AddressSpace, type AddressSpaceOwner } from "../view/address_space.ts";
import type { ViewMemory } from "../view/view_memory.ts";
import type { ViewStore } from "../view/view_store.ts";
import type { Transactions } from "./transactions.ts";

/** Creates and destroys the address spaces of a topology that publishes. */
export class PublishedSpaces implements AddressSpaceOwner {
  readonly stamp: number = crypto.getRandomValues(new Uint32Array(1))[0]!;
  readonly regions: number;
  readonly #memory: ViewMemory;
  readonly #store: ViewStore;
  readonly #transactions: Transactions;
  #nextId = 0;

  /**
   * @param memory Where address spaces have their cells.
   * @param store Where views are published.
   * @param transactions The topology's.
   */
  constructor(memory: ViewMemory, store: ViewStore, transactions: Transactions) {
    this.#memory = memory;
    this.#store = store;
    this.#transactions = transactions;
    this.regions = store.regions.cell;
  }

  /** See {@linkcode Topology.createAddressSpace}. */
  create(name: string, root: MemoryRegion): AddressSpace {
    const { log, spaces, newSpaces } = this.#transactions;
    return this.#transactions.transaction(() => {
      root.ref();
      log.record(() => root.unref());
      const { empty } = this.#store;
      const space = new AddressSpace(this, this.#memory, this.#nextId++, name, root, empty);
      this.#store.attach(empty);
      spaces.add(space);
      newSpaces.add(space);
      log.record(() => {
        newSpaces.delete(space);
        this.#remove(space);
      });
      return space;
    });
  }

  destroy(space: AddressSpace): void {
    const refusal = (reason: string) => spaceError("destroy", space.name, reason);
    const { log, spaces } = this.#transactions;
    const listened = spaces.get(space);
    if (listened === undefined) throw refusal("it was destroyed before");
    if (listened.listeners.size > 0) {
      throw refusal(`${listened.listeners.size} listeners are registered`);
    }
    if (log.depth > 0) throw refusal("a transaction is open");
    this.#remove(space);
    space.root.unref();
    this.#store.reap();
  }

  /** Gives all shared memory back: see {@linkcode Topology.close}. */
  close(): void {
    const action = "close the topology of";
    for (const { name } of this.#transactions.spaces.all()) {
      throw spaceError(action, name, "it is not destroyed");
    }
    this.#store.reap();
    if (this.#store.held > 0) {
      throw spaceError(action, "a destroyed", `readers hold ${this.#store.held} of its views`);
    }
    this.#store.close();
  }

  #remove(space: AddressSpace): void {
    const old = space.view;
    space.publish(this.#store.empty);
    this.#store.detach(old);
    this.#transactions.spaces.delete(space);
    this.#store.retire(() => this.#memory.free(space.cell));
  }
}

function spaceError(action: string, addressSpace: string, reason: string): FlatViewError {
  return new FlatViewError("ADDRESS_SPACE_STATE", { action, addressSpace, reason });
}
