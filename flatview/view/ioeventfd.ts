import { RegionError } from "../region/errors.ts";
import { editable, inTransaction } from "../region/edit.ts";
import type { MemoryRegion } from "../region/memory_region.ts";
import { toAddress } from "../region/address.ts";
import type { AddressSpace } from "./address_space.ts";
import type { MemoryRegionSection } from "./listener.ts";

/** A write to a region that signals an event instead of calling the device. */
export interface IoEventFd {
  /** Offset in the region, or address in the address space. */
  readonly offset: bigint;
  /** Bytes of the write: 1, 2, 4 or 8; 0 matches any. */
  readonly size: number;
  /** The value that must be written; null matches any. */
  readonly data: bigint | null;
  /** What is signalled: opaque here, compared by identity. */
  readonly event: unknown;
}

/** See {@linkcode MemoryRegion.addEventfd}. */
export function addEventfd(region: MemoryRegion, eventfd: IoEventFd): void {
  check(region, eventfd);
  inTransaction(region, "add an ioeventfd to", () => {
    const list = [...region.ioeventfds];
    const at = list.findIndex((other) => before(eventfd, other));
    list.splice(at < 0 ? list.length : at, 0, eventfd);
    change(region, list);
  });
}

/** See {@linkcode MemoryRegion.delEventfd}. */
export function delEventfd(region: MemoryRegion, eventfd: IoEventFd): void {
  const at = region.ioeventfds.findIndex((other) => same(eventfd, other));
  if (at < 0) throw new RegionError("remove an ioeventfd from", region.name, "it has no such one");
  inTransaction(region, "remove an ioeventfd from", () => {
    change(region, region.ioeventfds.toSpliced(at, 1));
  });
}

function change(region: MemoryRegion, list: readonly IoEventFd[]): void {
  const { log } = region.topology;
  log.assign(editable(region), "ioeventfds", list);
  if (region.enabled) log.eventfds.add(region);
}

function check(region: MemoryRegion, { offset, size, data }: IoEventFd): void {
  toAddress(offset, "the offset of an ioeventfd");
  if (data !== null) toAddress(data, "the data of an ioeventfd");
  if (![0, 1, 2, 4, 8].includes(size)) {
    throw new RegionError(
      "add an ioeventfd to",
      region.name,
      `its size is ${size}, not 0, 1, 2, 4 or 8`,
    );
  }
}

/** The order of ioeventfds: by offset, size, and data, any data first. */
function before(left: IoEventFd, right: IoEventFd): boolean {
  if (left.offset !== right.offset) return left.offset < right.offset;
  if (left.size !== right.size) return left.size < right.size;
  if (left.data === right.data) return false;
  if (left.data === null || right.data === null) return left.data === null;
  return left.data < right.data;
}

function same(left: IoEventFd, right: IoEventFd): boolean {
  return left.offset === right.offset && left.size === right.size && left.data === right.data &&
    left.event === right.event;
}

/** The ioeventfds that an address space shows, by range, at addresses of the address space. */
export function shownEventfds(space: AddressSpace): IoEventFd[] {
  return space.view.regions.flatMap((region, index) => {
    if (region.ioeventfds.length === 0) return [];
    const { first, last, offset } = space.view.range(index);
    return region.ioeventfds
      .map((eventfd) => ({ ...eventfd, offset: eventfd.offset + first - offset }))
      .filter(({ offset: start, size }) =>
        (first <= start && start <= last) || (start <= first && first < start + BigInt(size))
      );
  });
}

/** Tells the listeners of an address space which ioeventfds are gone and which are new. */
export function tellEventfds(
  space: AddressSpace,
  old: readonly IoEventFd[],
  now: readonly IoEventFd[],
  errors: unknown[],
): void {
  for (let i = 0, j = 0; i < old.length || j < now.length;) {
    const gone = old[i];
    const come = now[j];
    if (gone !== undefined && (come === undefined || before(gone, come))) {
      const section = eventfdSection(space, gone);
      space.listeners.forward((l) => l.eventfdDel?.(section, gone.data, gone.event), errors);
      i++;
    } else if (come !== undefined && (gone === undefined || before(come, gone))) {
      const section = eventfdSection(space, come);
      space.listeners.reverse((l) => l.eventfdAdd?.(section, come.data, come.event), errors);
      j++;
    } else if (same(gone!, come!)) {
      i++;
      j++;
    } else {
      // Only the event differs, which has no order: the old one goes first.
      const section = eventfdSection(space, gone!);
      space.listeners.forward((l) => l.eventfdDel?.(section, gone!.data, gone!.event), errors);
      i++;
    }
  }
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
