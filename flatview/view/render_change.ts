import { SECTION } from "@guestmem/physmap";
import { RangeFlag } from "../region/range_flags.ts";
import type { Span, Spans } from "../region/span.ts";
import type { RangeChange } from "../render/range_change.ts";
import type { RangeList } from "../render/range_list.ts";
import { render } from "../render/render.ts";
import type { FlatView } from "./flat_view.ts";

const END = 1n << 64n;

/** What is rendered again: addresses, `to` exclusive, and the ranges of the view that meet or touch them. */
interface Window extends Span {
  readonly sections: readonly number[];
}

/**
 * Renders the parts of a view's root that changed. A changed range may join with its neighbours, or
 * have been joined with them; beyond these nothing can join, as nothing did before.
 *
 * @param view The current view of a root; not the empty one.
 * @param changed The parts of the root that may show something else.
 * @param u32 The memory in which the view lies.
 * @param list Is used to render.
 * @param change Is emptied, and filled with what changes.
 */
export function renderChange(
  view: FlatView,
  changed: Spans,
  u32: Uint32Array,
  list: RangeList,
  change: RangeChange,
): void {
  change.clear();
  // The range that the last window cut, and from where on it is still to be kept.
  let cut = 0;
  let rest = 0n;
  const keep = (section: number, first: bigint, last: bigint) =>
    change.keep(section, view.regionOf(section), first, last);
  const keepRest = () => {
    if (cut !== 0) keep(cut, rest, SECTION.last.getBig(u32, cut));
    cut = 0;
  };
  for (const window of windowsOf(view, changed, u32)) {
    const { from, to, sections } = window;
    const [left] = sections;
    if (left !== cut) keepRest();
    change.take(sections);
    if (left !== undefined) {
      const first = cut === left ? rest : SECTION.first.getBig(u32, left);
      const last = SECTION.last.getBig(u32, left);
      if (first < from) keep(left, first, last < from ? last : from - 1n);
    }
    render(view.root, list, window);
    change.put(list.rows);
    const right = sections.at(-1);
    cut = 0;
    if (right !== undefined && SECTION.last.getBig(u32, right) >= to) {
      const first = SECTION.first.getBig(u32, right);
      cut = right;
      rest = first > to ? first : to;
    }
  }
  keepRest();
  change.settle();
}

/** The addresses to render, by rising address. */
function windowsOf(view: FlatView, changed: Spans, u32: Uint32Array): Window[] {
  const base = view.root!.addr;
  const windows: Window[] = [];
  for (const span of changed) {
    const end = base + span.to < END ? base + span.to : END;
    if (base + span.from >= end) continue;
    let window = windowOf(view, base + span.from, end, u32);
    // Windows that take in more than the span may meet.
    while (windows.length > 0 && window.from <= windows.at(-1)!.to) {
      const { from, to } = hull(windows.pop()!, window);
      window = windowOf(view, from, to, u32);
    }
    windows.push(window);
  }
  return windows;
}

/**
 * The window of some addresses. It takes in whole the ranges that it cuts or touches and that are not to
 * be joined: whether a part of such a range and what is rendered beside it are one range cannot be seen
 * from the two.
 */
function windowOf(view: FlatView, from: bigint, to: bigint, u32: Uint32Array): Window {
  const sections = touching(view, from, to);
  let wide: Span = { from, to };
  for (const section of [sections[0], sections.at(-1)]) {
    if (section === undefined) continue;
    if ((SECTION.flags.get(u32, section) & RangeFlag.UNMERGEABLE) === 0) continue;
    const first = SECTION.first.getBig(u32, section);
    wide = hull(wide, { from: first, to: SECTION.last.getBig(u32, section) + 1n });
  }
  const isWide = wide.from < from || to < wide.to;
  return isWide ? { ...wide, sections: touching(view, wide.from, wide.to) } : { ...wide, sections };
}

/** The ranges of a view that have any of some addresses, or touch them. */
function touching(view: FlatView, from: bigint, to: bigint): number[] {
  return view.sectionsIn(from > 0n ? from - 1n : 0n, to < END ? to : END - 1n);
}

function hull(left: Span, right: Span): Span {
  return {
    from: left.from < right.from ? left.from : right.from,
    to: left.to > right.to ? left.to : right.to,
  };
}
