import type { MemoryRegion } from "../region/memory_region.ts";
import { hull, type Span } from "../region/span.ts";

/** Steps after which aliases are taken to lead around in circles, each time elsewhere. */
const MAX_STEPS = 1 << 20;

const ALL: Span = { from: 0n, to: 1n << 64n };

/**
 * The regions whose rendering can change if the given ones did, and where: upwards through containers
 * and through the aliases of each. A disabled region on the way ends the walk, as it shows nothing
 * before or after; one that was disabled just now is itself among the changed ones. A region that
 * cannot show the change is affected with an empty span: it may still decide on a physical root.
 *
 * @param changed Regions that show something else than before, and where.
 * @returns The changed regions and all that may show them; a span for each, in bytes from the region's start.
 */
export function affectedRegions(
  changed: ReadonlyMap<MemoryRegion, Span>,
): Map<MemoryRegion, Span> {
  const affected = new Map(changed);
  const queue = new Set(changed.keys());
  let steps = 0;
  const visit = (region: MemoryRegion, span: Span) => {
    const known = affected.get(region);
    const wider = ++steps > MAX_STEPS ? ALL : hull(known, span);
    if (known !== undefined && known.from === wider.from && known.to === wider.to) return;
    affected.set(region, wider);
    queue.add(region);
  };
  // The iteration of a Set visits what is added on the way, and once more what was deleted and added again.
  for (const region of queue) {
    queue.delete(region);
    const { from, to } = affected.get(region)!;
    const { container, addr } = region;
    if (container !== null && container.enabled) {
      visit(container, { from: from + addr, to: to + addr });
    }
    for (const alias of region.aliases) {
      if (alias.enabled) {
        visit(alias, clip(from - alias.aliasOffset, to - alias.aliasOffset, alias));
      }
    }
  }
  return affected;
}

/** What an alias shows of its target's span. */
function clip(from: bigint, to: bigint, alias: MemoryRegion): Span {
  const { size } = alias;
  const first = from > 0n ? from : 0n;
  const end = to < size ? to : size;
  return first < end ? { from: first, to: end } : { from: 0n, to: 0n };
}
