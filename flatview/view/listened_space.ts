import type { IoEventFd } from "../region/ioeventfd.ts";
import type { AddressSpace } from "./address_space.ts";
import { ListenerList } from "./listener_list.ts";

/** An address space, and whoever is to be notified of it. */
export interface Listened {
  /** The address space. */
  readonly space: AddressSpace;
  /** All of its listeners, or one that comes or goes. */
  readonly listeners: ListenerList;
}

/** An address space and what its listeners know. */
export class ListenedSpace implements Listened {
  readonly space: AddressSpace;
  readonly listeners: ListenerList = new ListenerList();
  /** The ioeventfds that they were notified of; empty while nobody wants to know. */
  eventfds: readonly IoEventFd[] = [];

  /** @param space The address space; nobody listens at first. */
  constructor(space: AddressSpace) {
    this.space = space;
  }

  /** Whether any listener wants to know of ioeventfds. */
  get hearsEventfds(): boolean {
    return this.listeners.hears("eventfdAdd") || this.listeners.hears("eventfdDel");
  }
}
