import type { MemoryRegion } from "../region/memory_region.ts";
import { addSpan, type Span, type Spans } from "../region/span.ts";

/** Steps after which aliases are taken to lead around in circles, each time elsewhere. */
const MAX_STEPS = 1 << 20;

const ALL: Span = { from: 0n, to: 1n << 64n };

/**
 * The regions whose rendering can change if the given ones did, and where: upwards through containers
 * and through the aliases of each. A disabled region on the way ends the walk, as it shows nothing
 * before or after; one that was disabled just now is itself among the changed ones. A region that
 * cannot show the change is affected without a span: it may still decide on a physical root.
 *
 * @param changed Regions that show something else than before, and where.
 * @returns The changed regions and all that may show them; the spans of each, in bytes from the region's start.
 */
export function affectedRegions(
  changed: ReadonlyMap<MemoryRegion, Spans>,
): Map<MemoryRegion, Spans> {
  const affected = new Map(changed);
  const queue = new Set(changed.keys());
  let steps = 0;
  const visit = (region: MemoryRegion, spans: Iterable<Span>) => {
    const known = affected.get(region);
    let wider: Spans = known ?? [];
    if (++steps > MAX_STEPS) wider = addSpan(wider, ALL);
    else for (const span of spans) wider = addSpan(wider, span);
    if (known === wider) return;
    affected.set(region, wider);
    queue.add(region);
  };
  // The iteration of a Set visits what is added on the way, and once more what was deleted and added again.
  for (const region of queue) {
    queue.delete(region);
    const spans = affected.get(region)!;
    const { container, addr } = region;
    if (container !== null && container.enabled) {
      visit(container, spans.map(({ from, to }) => ({ from: from + addr, to: to + addr })));
    }
    for (const alias of region.aliases) {
      if (alias.enabled) visit(alias, spans.map((span) => clip(span, alias)));
    }
  }
  return affected;
}

/** What an alias shows of its target's span. */
function clip({ from, to }: Span, { aliasOffset, size }: MemoryRegion): Span {
  const first = from > aliasOffset ? from - aliasOffset : 0n;
  const end = to - aliasOffset < size ? to - aliasOffset : size;
  return { from: first, to: end };
}
