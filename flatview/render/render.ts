import { FlatViewError } from "../errors/flat_view_error.ts";
import { DIRTY_LOG_SHIFT, RangeFlag } from "../region/range_flags.ts";
import type { MemoryRegion } from "../region/memory_region.ts";
import { lower, TWO32, upper } from "../region/split64.ts";
import { siblingsNear } from "../region/sibling_index.ts";
import type { Span } from "../region/span.ts";
import type { FlatRange } from "./flat_range.ts";
import { FRAME, Frame } from "./frame.ts";
import { RangeList } from "./range_list.ts";

/** Nesting depth of containers and aliases beyond which a tree is taken to be endless. */
const MAX_DEPTH = 512;

/** Regions visited in one rendering, beyond which a tree is taken to be endless. */
const MAX_VISITS = 1 << 20;

/** A frame for each region on the way down, and one for all of the address space. */
const frames = new Float64Array(FRAME * (MAX_DEPTH + 2));

/** The flags that accumulate on the way down. */
const INHERITED = RangeFlag.READONLY | RangeFlag.NONVOLATILE | RangeFlag.UNMERGEABLE;

/** All addresses. */
const EVERYTHING: Span = { from: 0n, to: 1n << 64n };

/** Visits left for the present rendering. */
let visits = 0;

/** Whether the present rendering is of a part of the addresses: then it pays to look for subregions. */
let isPart = false;

/**
 * Renders the tree under a physical root into a list of flat ranges, joined: the algorithm of QEMU's
 * `render_memory_region` and `flatview_simplify`.
 *
 * @param root The physical root, or null for the empty view.
 * @param list Is emptied and filled.
 * @param window The addresses to render; all unless given.
 * @throws {FlatViewError} `RENDER_LIMIT` if the tree nests without end.
 */
export function render(
  root: MemoryRegion | null,
  list: RangeList,
  window: Span = EVERYTHING,
): void {
  list.clear();
  visits = MAX_VISITS;
  isPart = window !== EVERYTHING;
  frames.fill(0, 0, FRAME);
  frames[Frame.START_HI] = upper(window.from);
  frames[Frame.START_LO] = lower(window.from);
  frames[Frame.END_HI] = upper(window.to);
  frames[Frame.END_LO] = lower(window.to);
  if (root !== null) renderRegion(root, list, 0, 0);
  list.join();
}

/**
 * What an address space whose physical root is `root` shows now, published or not.
 *
 * @param root A physical root, or null for the empty view.
 * @returns The ranges by rising address.
 * @throws {FlatViewError} `RENDER_LIMIT` if the tree nests without end.
 */
export function renderRanges(root: MemoryRegion | null): FlatRange[] {
  const list = new RangeList();
  render(root, list);
  return list.rows.ranges();
}

/**
 * One region with its container (or alias window) in the frame at `outer`. Positions go through the
 * frames, because a number that is not a small integer costs an allocation as an argument.
 */
function renderRegion(
  region: MemoryRegion,
  list: RangeList,
  outer: number,
  inherited: number,
): void {
  if (!region.enabled) return;
  if (outer >= FRAME * MAX_DEPTH || --visits < 0) throw endless(region);
  const frame = outer + FRAME;
  if (!enterFrame(region, outer, frame)) return;
  const down = inherited | (region.flags & INHERITED);
  if (region.alias !== null) {
    moveToTarget(region, region.alias, frame);
    renderRegion(region.alias, list, frame, down);
    return;
  }
  const children = isPart
    ? siblingsNear(
      region.subregions,
      distance(frame, Frame.START_HI, Frame.START_LO),
      distance(frame, Frame.END_HI, Frame.END_LO),
    )
    : region.subregions;
  for (let i = 0; i < children.length; i++) renderRegion(children[i]!, list, frame, down);
  if (region.terminates) {
    const flags = region.flags | down | (region.dirtyLogMask << DIRTY_LOG_SHIFT);
    list.insert(region, flags, frames, frame);
  }
}

/** Fills a region's frame from its container's: base, and the clip cut to the region. False if nothing is left of it. */
function enterFrame(region: MemoryRegion, outer: number, frame: number): boolean {
  let baseLo = frames[outer + Frame.BASE_LO]! + region.addrLo;
  let baseHi = frames[outer + Frame.BASE_HI]! + region.addrHi;
  if (baseLo >= TWO32) {
    baseLo -= TWO32;
    baseHi++;
  }
  let endLo = baseLo + region.sizeLo;
  let endHi = baseHi + region.sizeHi;
  if (endLo >= TWO32) {
    endLo -= TWO32;
    endHi++;
  }
  let startHi = frames[outer + Frame.START_HI]!;
  let startLo = frames[outer + Frame.START_LO]!;
  if (baseHi > startHi || (baseHi === startHi && baseLo > startLo)) {
    startHi = baseHi;
    startLo = baseLo;
  }
  const clipHi = frames[outer + Frame.END_HI]!;
  const clipLo = frames[outer + Frame.END_LO]!;
  if (clipHi < endHi || (clipHi === endHi && clipLo < endLo)) {
    endHi = clipHi;
    endLo = clipLo;
  }
  frames[frame + Frame.BASE_HI] = baseHi;
  frames[frame + Frame.BASE_LO] = baseLo;
  frames[frame + Frame.START_HI] = startHi;
  frames[frame + Frame.START_LO] = startLo;
  frames[frame + Frame.END_HI] = endHi;
  frames[frame + Frame.END_LO] = endLo;
  return startHi < endHi || (startHi === endHi && startLo < endLo);
}

/** How far a position of a frame lies behind the frame's base, rounded to a double. */
function distance(frame: number, hi: number, lo: number): number {
  return (frames[frame + hi]! - frames[frame + Frame.BASE_HI]!) * TWO32 +
    (frames[frame + lo]! - frames[frame + Frame.BASE_LO]!);
}

/** Puts an alias's frame where its target's container would be: the target adds its own address again. */
function moveToTarget(alias: MemoryRegion, target: MemoryRegion, frame: number): void {
  let lo = frames[frame + Frame.BASE_LO]! - target.addrLo - alias.aliasOffsetLo;
  let hi = frames[frame + Frame.BASE_HI]! - target.addrHi - alias.aliasOffsetHi;
  while (lo < 0) {
    lo += TWO32;
    hi--;
  }
  frames[frame + Frame.BASE_HI] = hi;
  frames[frame + Frame.BASE_LO] = lo;
}

function endless({ name: region }: MemoryRegion): FlatViewError {
  const reason = visits < 0
    ? `more than ${MAX_VISITS} regions are visited; aliases multiply one another`
    : `more than ${MAX_DEPTH} containers and aliases lie inside one another; an alias shows itself`;
  return new FlatViewError("RENDER_LIMIT", { region, reason });
}
