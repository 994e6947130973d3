import { FlatViewError } from "../errors/flat_view_error.ts";
import type { MemoryRegion } from "../region/memory_region.ts";

/** Steps after which a chain of aliases and only children is taken to be endless. */
const MAX_STEPS = 4096;

/**
 * The region from which the views of an address space are rendered: address spaces whose roots lead
 * to one physical root share one view. Goes through aliases that show all of their target and
 * containers that hold one enabled child in full. Null if nothing can be seen from the root.
 *
 * @throws {FlatViewError} `RENDER_LIMIT` if aliases lead in a circle.
 */
export function physicalRoot(root: MemoryRegion): MemoryRegion | null {
  let region = root;
  for (let step = 0; step < MAX_STEPS; step++) {
    if (!region.enabled) return null;
    let next: MemoryRegion | null = null;
    if (region.alias !== null) {
      if (showsAll(region, region.alias)) next = region.alias;
    } else if (!region.terminates) {
      let enabled = 0;
      let only: MemoryRegion | null = null;
      for (const child of region.subregions) {
        if (!child.enabled) continue;
        only = child;
        if (++enabled > 1) break;
      }
      if (enabled === 0) return null;
      if (enabled === 1 && fits(region, only!)) next = only;
    }
    if (next === null) return region;
    region = next;
  }
  throw new FlatViewError("RENDER_LIMIT", {
    region: root.name,
    reason: "its physical root leads in a circle of aliases",
  });
}

function showsAll(alias: MemoryRegion, target: MemoryRegion): boolean {
  return alias.aliasOffsetHi === 0 && alias.aliasOffsetLo === 0 && noLarger(target, alias);
}

function fits(container: MemoryRegion, child: MemoryRegion): boolean {
  return child.addrHi === 0 && child.addrLo === 0 && noLarger(child, container);
}

function noLarger(left: MemoryRegion, right: MemoryRegion): boolean {
  return left.sizeHi < right.sizeHi ||
    (left.sizeHi === right.sizeHi && left.sizeLo <= right.sizeLo);
}
