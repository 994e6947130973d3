import type { MemoryRegion } from "./memory_region.ts";
import type { UndoLog } from "./transaction_log.ts";

/**
 * Puts a region in front of the first sibling whose priority is not greater than its own.
 *
 * @param list The subregions of its container, in the order in which they are rendered.
 * @param child The region.
 * @param log Where the change is recorded.
 */
export function insertSibling(list: MemoryRegion[], child: MemoryRegion, log: UndoLog): void {
  let at = 0;
  while (at < list.length && list[at]!.priority > child.priority) at++;
  list.splice(at, 0, child);
  log.record(() => list.splice(list.indexOf(child), 1));
}

/** Takes a region out of the subregions of its container. */
export function removeSibling(list: MemoryRegion[], child: MemoryRegion, log: UndoLog): void {
  const at = list.indexOf(child);
  list.splice(at, 1);
  log.record(() => list.splice(at, 0, child));
}
