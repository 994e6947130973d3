import type { Span } from "../region/span.ts";
import type { RangeList } from "../render/range_list.ts";
import { render } from "../render/render.ts";
import type { FlatView } from "./flat_view.ts";

/**
 * Renders the part of a view's root that changed and takes the rest from the view. The window is
 * widened to whole ranges of the view and to their neighbours, with which changed ranges may join.
 * Beyond the neighbours nothing can join, as nothing did before.
 *
 * @param view The current view of a root; not the empty one.
 * @param changed The part of the root that may show something else.
 * @param u32 The memory in which the view lies.
 * @param list Is emptied and filled.
 */
export function renderPart(
  view: FlatView,
  changed: Span,
  u32: Uint32Array,
  list: RangeList,
): void {
  const root = view.root!;
  const count = view.regions.length;
  const from = view.firstReaching(root.addr + changed.from - 1n);
  const to = view.firstReaching(root.addr + changed.to + 1n);
  const start = from === 0 ? 0n : view.lastOf(from - 1) + 1n;
  const end = to === count ? 1n << 64n : view.lastOf(to) + 1n;
  render(root, list, { from: start, to: end });
  list.rows.replaceIn(u32, view.rangeAt(0), view.regions, from, Math.min(to + 1, count));
}
