import { FlatViewError } from "../errors/flat_view_error.ts";
import type { MemoryRegion } from "../region/memory_region.ts";
import { dirtyLogMask } from "../region/range_flags.ts";
import type { AddressSpace } from "./address_space.ts";
import { ListenedSpace } from "./listened_space.ts";
import { ListenerList } from "./listener_list.ts";
import { type MemoryListener, sectionOf } from "./memory_listener.ts";

const NO_SPACES: ReadonlySet<AddressSpace> = new Set();

/** The address spaces of a topology, by root, and their listeners. */
export class AddressSpaces {
  /** The listeners of all address spaces. */
  readonly listeners: ListenerList = new ListenerList();
  readonly #spaces = new Map<AddressSpace, ListenedSpace>();
  readonly #byRoot = new Map<MemoryRegion, Set<AddressSpace>>();

  /** How many there are. */
  get size(): number {
    return this.#spaces.size;
  }

  /** All of them in the order of their creation. */
  all(): AddressSpace[] {
    return [...this.#spaces.keys()];
  }

  /** Those with a root. */
  withRoot(root: MemoryRegion): ReadonlySet<AddressSpace> {
    return this.#byRoot.get(root) ?? NO_SPACES;
  }

  /** Those that somebody listens to, among these; among all unless given. In the order of their creation. */
  listened(among: Iterable<AddressSpace> = this.#spaces.keys()): ListenedSpace[] {
    return [...among]
      .map((space) => this.#spaces.get(space)!)
      .filter(({ listeners }) => listeners.size > 0)
      .sort((left, right) => left.space.id - right.space.id);
  }

  /** The listeners of an address space; undefined if it is destroyed. */
  get(space: AddressSpace): ListenedSpace | undefined {
    return this.#spaces.get(space);
  }

  /** Adds an address space. */
  add(space: AddressSpace): void {
    this.#spaces.set(space, new ListenedSpace(space));
    const spaces = this.#byRoot.get(space.root);
    if (spaces === undefined) this.#byRoot.set(space.root, new Set([space]));
    else spaces.add(space);
  }

  /** Takes an address space out. */
  delete(space: AddressSpace): void {
    this.#spaces.delete(space);
    const spaces = this.#byRoot.get(space.root)!;
    spaces.delete(space);
    if (spaces.size === 0) this.#byRoot.delete(space.root);
  }

  /**
   * Registers a listener for an address space, and notifies it of what is there.
   *
   * @throws {FlatViewError} `ADDRESS_SPACE_STATE` if the listener is registered already, or the
   * address space is destroyed.
   */
  register(listener: MemoryListener, space: AddressSpace): void {
    const refusal = (reason: string) => stateError("register a listener for", space, reason);
    const listened = this.#spaces.get(space);
    if (listened === undefined) throw refusal("it is destroyed");
    if (this.listeners.has(listener)) throw refusal("the listener is registered already");
    this.listeners.add(listener);
    listened.listeners.add(listener);
    listener.begin?.();
    for (const range of space.view.ranges()) {
      const section = sectionOf(space, range);
      const mask = dirtyLogMask(range.flags);
      listener.regionAdd?.(section);
      if (mask !== 0) listener.logStart?.(section, 0, mask);
    }
    listener.commit?.();
  }

  /**
   * Takes a listener back, and notifies it that what was there is gone.
   *
   * @throws {FlatViewError} `ADDRESS_SPACE_STATE` if it is not registered there.
   */
  unregister(listener: MemoryListener, space: AddressSpace): void {
    const listened = this.#spaces.get(space);
    if (!listened?.listeners.has(listener)) {
      throw stateError("unregister a listener of", space, "the listener is not registered");
    }
    listener.begin?.();
    for (const range of space.view.ranges()) {
      const section = sectionOf(space, range);
      const mask = dirtyLogMask(range.flags);
      if (mask !== 0) listener.logStop?.(section, mask, 0);
      listener.regionDel?.(section);
    }
    listener.commit?.();
    this.listeners.delete(listener);
    listened.listeners.delete(listener);
  }
}

function stateError(action: string, { name }: AddressSpace, reason: string): FlatViewError {
  return new FlatViewError("ADDRESS_SPACE_STATE", { action, addressSpace: name, reason });
}
