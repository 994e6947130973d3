import { type Address, toAddress } from "./address.ts";
import type { MemoryRegion } from "./memory_region.ts";

/** A write to a region that signals an event instead of calling the device. */
export type IoEventFd = MemoryRegion["ioeventfds"][number];

/**
 * Checks what a caller gives of an ioeventfd.
 *
 * @returns The ioeventfd; null if the size is not 0, 1, 2, 4 or 8.
 * @throws {FlatViewError} `INVALID_ADDRESS` for the offset or the data.
 */
export function toIoEventFd(
  offset: Address,
  size: Address,
  data: Address | null,
  event: unknown,
): IoEventFd | null {
  const eventfd = {
    offset: toAddress(offset, "the offset of an ioeventfd"),
    size: Number(size),
    data: data === null ? null : toAddress(data, "the data of an ioeventfd"),
    event,
  };
  return [0, 1, 2, 4, 8].includes(eventfd.size) ? eventfd : null;
}

/** The order of ioeventfds: by offset, size, and data, any data first. The event has no order. */
export function precedes(left: IoEventFd, right: IoEventFd): boolean {
  if (left.offset !== right.offset) return left.offset < right.offset;
  if (left.size !== right.size) return left.size < right.size;
  if (left.data === right.data) return false;
  if (left.data === null || right.data === null) return left.data === null;
  return left.data < right.data;
}

/** Whether two ioeventfds are the same, event included. */
export function sameEventfd(left: IoEventFd, right: IoEventFd): boolean {
  return left.offset === right.offset && left.size === right.size && left.data === right.data &&
    left.event === right.event;
}

/** A sorted list with one more ioeventfd, behind its equals. */
export function withEventfd(list: readonly IoEventFd[], eventfd: IoEventFd): IoEventFd[] {
  const at = list.findIndex((other) => precedes(eventfd, other));
  return list.toSpliced(at < 0 ? list.length : at, 0, eventfd);
}
