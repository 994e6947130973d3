import type { MemoryRegion } from "./memory_region.ts";
import { forgetIndex, indexSibling, unindexSibling } from "./sibling_index.ts";
import type { UndoLog } from "./transaction_log.ts";

/**
 * Puts a region in front of the first sibling whose priority is not greater than its own.
 *
 * @param list The subregions of its container, in the order in which they are rendered.
 * @param child The region.
 * @param log Where the change is recorded.
 */
export function insertSibling(list: MemoryRegion[], child: MemoryRegion, log: UndoLog): void {
  list.splice(frontOf(list, child.priority), 0, child);
  indexSibling(list, child);
  log.record(() => {
    list.splice(list.indexOf(child), 1);
    forgetIndex(list);
  });
}

/** Takes a region out of the subregions of its container. */
export function removeSibling(list: MemoryRegion[], child: MemoryRegion, log: UndoLog): void {
  const at = list.indexOf(child);
  unindexSibling(list, child);
  list.splice(at, 1);
  log.record(() => {
    list.splice(at, 0, child);
    forgetIndex(list);
  });
}

/**
 * Moves a region within its container, to the front of its siblings of the same priority.
 *
 * @param list The subregions of its container.
 * @param child The region.
 * @param setAddress Sets its address.
 * @param log Where the change is recorded.
 */
export function moveSibling(
  list: MemoryRegion[],
  child: MemoryRegion,
  setAddress: () => void,
  log: UndoLog,
): void {
  const from = list.indexOf(child);
  const to = frontOf(list, child.priority);
  unindexSibling(list, child);
  setAddress();
  if (from !== to) {
    list.splice(from, 1);
    list.splice(to, 0, child);
  }
  indexSibling(list, child);
  log.record(() => {
    list.splice(to, 1);
    list.splice(from, 0, child);
    forgetIndex(list);
  });
}

/** Index of the first sibling whose priority is not greater. */
function frontOf(list: readonly MemoryRegion[], priority: number): number {
  let at = 0;
  while (at < list.length && list[at]!.priority > priority) at++;
  return at;
}
