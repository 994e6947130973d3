import type { IoEventFd } from "../region/ioeventfd.ts";
import type { AddressSpace } from "./address_space.ts";
import { ListenerList } from "./listener_list.ts";

/** An address space and what its listeners know. */
export class ListenedSpace {
  /** The address space. */
  readonly space: AddressSpace;
  /** Its listeners. */
  readonly listeners: ListenerList = new ListenerList();
  /** The ioeventfds that they were notified of. */
  eventfds: readonly IoEventFd[] = [];

  /** @param space The address space; nobody listens at first. */
  constructor(space: AddressSpace) {
    this.space = space;
  }
}
