import { join } from "../region/split64.ts";
import type { Span } from "../region/span.ts";
import { type RangeList, RangeWord } from "../render/range_list.ts";
import { render } from "../render/render.ts";
import type { FlatView } from "./flat_view.ts";

/**
 * Renders the part of a view's root that changed and takes the rest from the view. The window is
 * widened to whole ranges of the view and to the neighbours, with which what changed may join; beyond
 * these nothing can join, as it did not before.
 *
 * @param view The current view of a root; not the empty one.
 * @param changed The part of the root that may show something else.
 * @param words The arena.
 * @param list Is emptied and filled.
 */
export function renderPart(
  view: FlatView,
  changed: Span,
  words: Uint32Array,
  list: RangeList,
): void {
  const root = view.root!;
  const count = view.regions.length;
  const from = rangeAt(view, words, root.addr + changed.from - 1n);
  const to = rangeAt(view, words, root.addr + changed.to + 1n);
  const start = from === 0 ? 0n : lastOf(view, words, from - 1) + 1n;
  const end = to === count ? 1n << 64n : lastOf(view, words, to) + 1n;
  render(root, list, { from: start, to: end });
  list.spliceInto(words, view.wordsOf(0), view.regions, from, Math.min(to + 1, count));
}

/** Index of the first range whose last address is not below the address; their number if there is none. */
function rangeAt(view: FlatView, words: Uint32Array, address: bigint): number {
  let low = 0;
  let high = view.regions.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (lastOf(view, words, middle) >= address) high = middle;
    else low = middle + 1;
  }
  return low;
}

function lastOf(view: FlatView, words: Uint32Array, index: number): bigint {
  const at = view.wordsOf(index);
  return join(words[at + RangeWord.LAST_HI]!, words[at + RangeWord.LAST_LO]!);
}
