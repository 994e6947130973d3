import { type IoEventFd, precedes, sameEventfd } from "../region/ioeventfd.ts";
import type { AddressSpace } from "./address_space.ts";
import type { ListenedSpace } from "./listened_space.ts";
import type { MemoryRegionSection } from "./memory_listener.ts";

/** Notifies the listeners of an address space of the ioeventfds that have gone and of those that are new. */
export function notifyEventfds(listened: ListenedSpace, errors: unknown[]): void {
  const old = listened.eventfds;
  const now = listened.eventfds = shownEventfds(listened.space);
  for (let i = 0, j = 0; i < old.length || j < now.length;) {
    const gone = old[i];
    const come = now[j];
    if (gone !== undefined && (come === undefined || precedes(gone, come))) {
      notifyGone(listened, gone, errors);
      i++;
    } else if (come !== undefined && (gone === undefined || precedes(come, gone))) {
      notifyNew(listened, come, errors);
      j++;
    } else if (sameEventfd(gone!, come!)) {
      i++;
      j++;
    } else {
      // Only the event differs, which has no order: the old one goes first.
      notifyGone(listened, gone!, errors);
      i++;
    }
  }
}

/** The ioeventfds that an address space shows, by range, at addresses of the address space. */
function shownEventfds({ view }: AddressSpace): IoEventFd[] {
  return view.regions.flatMap((region, index) => {
    if (region.ioeventfds.length === 0) return [];
    const { first, last, offset } = view.range(index);
    return region.ioeventfds
      .map((eventfd) => ({ ...eventfd, offset: eventfd.offset + first - offset }))
      .filter(({ offset: start, size }) =>
        (first <= start && start <= last) || (start <= first && first < start + BigInt(size))
      );
  });
}

// QEMU's directions: by rising priority for what goes, by falling priority for what comes.
function notifyGone({ space, listeners }: ListenedSpace, eventfd: IoEventFd, errors: unknown[]) {
  const section = eventfdSection(space, eventfd);
  listeners.forward((l) => l.eventfdDel?.(section, eventfd.data, eventfd.event), errors);
}

function notifyNew({ space, listeners }: ListenedSpace, eventfd: IoEventFd, errors: unknown[]) {
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
  };
}
