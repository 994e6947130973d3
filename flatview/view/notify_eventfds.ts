import { type IoEventFd, precedes, sameEventfd } from "../region/ioeventfd.ts";
import type { MemoryRegion } from "../region/memory_region.ts";
import type { AddressSpace } from "./address_space.ts";
import type { Listened, ListenedSpace } from "./listened_space.ts";
import type { MemoryRegionSection } from "./memory_listener.ts";

/** Notifies the listeners of an address space of the ioeventfds that have gone and of those that are new. */
export function notifyEventfds(listened: ListenedSpace, errors: unknown[]): void {
  const old = listened.eventfds;
  const now = listened.eventfds = shownEventfds(listened.space, (region) => region.ioeventfds);
  for (let i = 0, j = 0; i < old.length || j < now.length;) {
    const gone = old[i];
    const come = now[j];
    if (gone !== undefined && (come === undefined || precedes(gone, come))) {
      notifyEventfdGone(listened, gone, errors);
      i++;
    } else if (come !== undefined && (gone === undefined || precedes(come, gone))) {
      notifyEventfdNew(listened, come, errors);
      j++;
    } else if (sameEventfd(gone!, come!)) {
      i++;
      j++;
    } else {
      // Only the event differs, which has no order: the old one goes first.
      notifyEventfdGone(listened, gone!, errors);
      i++;
    }
  }
}

/**
 * The ioeventfds that an address space shows, by range, at addresses of the address space.
 *
 * @param space The address space.
 * @param eventfdsOf Those of a region.
 */
export function shownEventfds(
  { view }: AddressSpace,
  eventfdsOf: (region: MemoryRegion) => readonly IoEventFd[],
): IoEventFd[] {
  return view.sections().flatMap((section) => {
    const eventfds = eventfdsOf(view.regionOf(section));
    if (eventfds.length === 0) return [];
    const { first, last, offset } = view.rangeOf(section);
    return eventfds
      .map((eventfd) => ({ ...eventfd, offset: eventfd.offset + first - offset }))
      .filter(({ offset: start, size }) =>
        (first <= start && start <= last) || (start <= first && first < start + BigInt(size))
      );
  });
}

/** Notifies listeners that an ioeventfd has gone: by rising priority, as QEMU does. */
export function notifyEventfdGone(
  { space, listeners }: Listened,
  eventfd: IoEventFd,
  errors: unknown[],
): void {
  const section = eventfdSection(space, eventfd);
  listeners.forward((l) => l.eventfdDel?.(section, eventfd.data, eventfd.event), errors);
}

/** Notifies listeners that an ioeventfd is new: by falling priority, as QEMU does. */
export function notifyEventfdNew(
  { space, listeners }: Listened,
  eventfd: IoEventFd,
  errors: unknown[],
): void {
  const section = eventfdSection(space, eventfd);
  listeners.reverse((l) => l.eventfdAdd?.(section, eventfd.data, eventfd.event), errors);
}

function eventfdSection(space: AddressSpace, { offset, size }: IoEventFd): MemoryRegionSection {
  return {
    addressSpace: space,
    region: null,
    offsetWithinRegion: 0n,
    offsetWithinAddressSpace: offset,
    size: BigInt(size),
    readonly: false,
    nonvolatile: false,
    unmergeable: false,
  };
}
