import { FlatViewError } from "../errors/flat_view_error.ts";
import type { MemoryRegion } from "../region/memory_region.ts";
import type { IoEventFd } from "../region/ioeventfd.ts";
import type { AddressSpace } from "./address_space.ts";
import { ListenedSpace } from "./listened_space.ts";
import { type ListenerCallback, ListenerList } from "./listener_list.ts";
import type { MemoryListener } from "./memory_listener.ts";
import { shownEventfds } from "./notify_eventfds.ts";
import { notifyRegistered, notifyUnregistered } from "./notify_registration.ts";

const NO_SPACES: ReadonlySet<AddressSpace> = new Set();

/** What is published beside the views, as a listener that is registered has to know it. */
export interface PublishedState {
  /** The ioeventfds of a region, without the changes of an open transaction. */
  eventfdsOf(region: MemoryRegion): readonly IoEventFd[];
  /** Whether writes to all memory are logged. */
  readonly logsAll: boolean;
}

/** The address spaces of a topology, by root, and their listeners. */
export class AddressSpaces {
  /** The listeners of all address spaces. */
  readonly listeners: ListenerList = new ListenerList();
  readonly #spaces = new Map<AddressSpace, ListenedSpace>();
  readonly #byRoot = new Map<MemoryRegion, Set<AddressSpace>>();
  /** Those with listeners. */
  readonly #heard = new Set<ListenedSpace>();
  readonly #spaceOf = new Map<MemoryListener, AddressSpace>();

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

  /** Those with a listener that has one of these callbacks, in the order of their creation. */
  hearing(...callbacks: readonly ListenerCallback[]): ListenedSpace[] {
    return [...this.#heard]
      .filter(({ listeners }) => callbacks.some((callback) => listeners.hears(callback)))
      .sort((left, right) => left.space.id - right.space.id);
  }

  /** The address space for which a listener is registered. */
  spaceOf(listener: MemoryListener): AddressSpace {
    return this.#spaceOf.get(listener)!;
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
   * @param listener Is notified of changes from now on.
   * @param space The address space.
   * @param published What is published beside the views.
   * @param errors Collects what the listener throws.
   * @throws {FlatViewError} `ADDRESS_SPACE_STATE` if the listener is registered already, or the
   * address space is destroyed.
   */
  register(
    listener: MemoryListener,
    space: AddressSpace,
    { eventfdsOf, logsAll }: PublishedState,
    errors: unknown[],
  ): void {
    const refusal = (reason: string) => stateError("register a listener for", space, reason);
    const listened = this.#spaces.get(space);
    if (listened === undefined) throw refusal("it is destroyed");
    if (this.listeners.has(listener)) throw refusal("the listener is registered already");
    const heardEventfds = listened.hearsEventfds;
    this.listeners.add(listener);
    listened.listeners.add(listener);
    this.#heard.add(listened);
    this.#spaceOf.set(listener, space);
    if (!heardEventfds && listened.hearsEventfds) {
      listened.eventfds = shownEventfds(space, eventfdsOf);
    }
    notifyRegistered(listened, listener, logsAll, errors);
  }

  /**
   * Takes a listener back, and notifies it that what was there is gone.
   *
   * @param listener The listener.
   * @param space The address space.
   * @param errors Collects what the listener throws.
   * @throws {FlatViewError} `ADDRESS_SPACE_STATE` if it is not registered there.
   */
  unregister(listener: MemoryListener, space: AddressSpace, errors: unknown[]): void {
    const listened = this.#spaces.get(space);
    if (!listened?.listeners.has(listener)) {
      throw stateError("unregister a listener of", space, "the listener is not registered");
    }
    notifyUnregistered(listened, listener, errors);
    this.listeners.delete(listener);
    listened.listeners.delete(listener);
    this.#spaceOf.delete(listener);
    if (listened.listeners.size === 0) this.#heard.delete(listened);
  }
}

function stateError(action: string, { name }: AddressSpace, reason: string): FlatViewError {
  return new FlatViewError("ADDRESS_SPACE_STATE", { action, addressSpace: name, reason });
}
