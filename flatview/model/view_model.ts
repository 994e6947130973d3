/**
 * The slow and obvious model of published views: the address space is cut at every place where some
 * region begins or ends, each piece is looked up as a single address, and pieces that go together are
 * joined. It shares no code with rendering.
 */
import type { MemoryRegion } from "../region/memory_region.ts";
import type { FlatRange } from "../render/flat_range.ts";
import { type Hit, hitAt, hitOfRange } from "./point_model.ts";

/** Regions visited on the way to the edges beyond which the model would take too long. */
const MAX_VISITS = 2000;

const END = 1n << 64n;

/**
 * What a published view of an address space with this root has to show: a line for each range.
 *
 * @param root The root of the address space.
 * @returns The lines; null if the tree is too large for the model.
 */
export function modelView(root: MemoryRegion): string[] | null {
  const start = modelPhysicalRoot(root);
  if (start === null) return [];
  const edges = new Set([0n, END]);
  const budget = { visits: MAX_VISITS };
  collectEdges(start, 0n, edges, budget);
  if (budget.visits < 0) return null;
  const cuts = [...edges].filter((edge) => edge >= 0n && edge <= END)
    .sort((left, right) => left < right ? -1 : left > right ? 1 : 0);
  return joinPieces(start, cuts).map(({ first, last, hit }) => line(first, last, hit));
}

/** What a published view shows, in the same form. */
export function viewLines(ranges: readonly FlatRange[]): string[] {
  return ranges.map((range) => line(range.first, range.last, hitOfRange(range, range.first)));
}

/** Where rendering starts: through whole aliases and only children; null if nothing can be seen. */
export function modelPhysicalRoot(region: MemoryRegion): MemoryRegion | null {
  if (!region.enabled) return null;
  const { alias } = region;
  if (alias !== null) {
    const whole = region.aliasOffset === 0n && alias.size <= region.size;
    return whole ? modelPhysicalRoot(alias) : region;
  }
  if (region.terminates) return region;
  const children = region.subregions.filter(({ enabled }) => enabled);
  if (children.length === 0) return null;
  const [only] = children;
  const fills = children.length === 1 && only!.addr === 0n && only!.size <= region.size;
  return fills ? modelPhysicalRoot(only!) : region;
}

function collectEdges(
  region: MemoryRegion,
  container: bigint,
  edges: Set<bigint>,
  budget: { visits: number },
): void {
  if (!region.enabled || --budget.visits < 0) return;
  const base = container + region.addr;
  edges.add(base).add(base + region.size);
  const { alias } = region;
  if (alias !== null) {
    collectEdges(alias, base - alias.addr - region.aliasOffset, edges, budget);
  } else for (const child of region.subregions) collectEdges(child, base, edges, budget);
}

interface Piece {
  readonly first: bigint;
  last: bigint;
  readonly hit: Hit;
}

function joinPieces(root: MemoryRegion, cuts: readonly bigint[]): Piece[] {
  const pieces: Piece[] = [];
  for (let i = 0; i + 1 < cuts.length; i++) {
    const [first, last] = [cuts[i]!, cuts[i + 1]! - 1n];
    const hit = hitAt(root, first);
    if (hit === null) continue;
    const before = pieces.at(-1);
    if (before !== undefined && before.last + 1n === first && goesOn(before, first, hit)) {
      before.last = last;
    } else pieces.push({ first, last, hit });
  }
  return pieces;
}

/**
 * Whether the piece before goes on: the same part of one region is seen on the same way, or on another
 * one that says the same of it.
 */
function goesOn(before: Piece, first: bigint, hit: Hit): boolean {
  if (before.hit.way === hit.way) return true;
  return !before.hit.unmergeable && !hit.unmergeable && before.hit.region === hit.region &&
    before.hit.readonly === hit.readonly &&
    before.hit.nonvolatile === hit.nonvolatile &&
    before.hit.offset + first - before.first === hit.offset;
}

function line(first: bigint, last: bigint, hit: Omit<Hit, "way">): string {
  const words = [
    hit.readonly ? "readonly" : "",
    hit.nonvolatile ? "nonvolatile" : "",
    hit.unmergeable ? "unmergeable" : "",
    hit.romd ? "romd" : "",
    hit.dirtyLogMask > 0 ? `log ${hit.dirtyLogMask}` : "",
  ];
  const place = `${first.toString(16)}-${last.toString(16)}`;
  return [place, `${hit.region.name}+${hit.offset.toString(16)}`, ...words].filter(Boolean)
    .join(" ");
}
