import { FlatViewError } from "../errors/flat_view_error.ts";
import { type Dialect, dialectOf } from "../mtree/dialect.ts";
import { addressSpaceLine, printedAddressSpace, rangeText } from "../mtree/print_flat_views.ts";
import type { NamedRoot } from "../mtree/print_tree.ts";
import type { PrintedView, RangeText } from "../mtree/printed_view.ts";
import type { MemoryRegion } from "../region/memory_region.ts";
import { affectedRegions } from "../render/affected_regions.ts";
import { physicalRoot } from "../render/physical_root.ts";
import { RangeList } from "../render/range_list.ts";
import { render } from "../render/render.ts";
import { ViewSharing } from "./view_sharing.ts";

/** The view of a root, as rendered or as printed. */
interface Shown {
  /** Name of the physical root. */
  readonly root: string;
  /** The ranges. */
  readonly ranges: readonly RangeText[];
  /** Identity of the view: the physical root, or the printed view. */
  readonly view: unknown;
}

/** Weight of a byte in a distance; the bits below count other differences. */
const BYTE = 1n << 32n;

/** A change that can be tried. */
export interface Trial {
  /** The regions that it changes. */
  readonly touches: readonly MemoryRegion[];
  /** Makes the change, or undoes it if it is made. */
  toggle(): void;
}

/**
 * Distance of a tree's flat views from the printed ones, and how a change of the tree would alter it.
 * Counts the bytes that are shown differently, over all address spaces. Unlike a count of lines, which
 * join and split, it falls with each bit that is corrected.
 */
export class ViewMismatch {
  readonly #spaces: readonly NamedRoot[];
  /** The printed views, by the label of an address space. */
  readonly #printed = new Map<string, Shown[]>();
  readonly #shown = new Map<MemoryRegion, Shown>();
  readonly #list = new RangeList();
  readonly #dialect: Dialect;
  readonly #sharing: ViewSharing;

  constructor(spaces: readonly NamedRoot[], views: readonly PrintedView[]) {
    this.#spaces = spaces;
    this.#dialect = dialectOf(views.flatMap(({ ranges }) => ranges.map(({ kind }) => kind)));
    for (const view of views) {
      const { root, ranges } = view;
      const shown = { root, ranges, view };
      for (const space of view.addressSpaces) push(this.#printed, addressSpaceLine(space), shown);
    }
    this.#sharing = new ViewSharing(views.map((view) => view.addressSpaces.map(addressSpaceLine)));
    this.#show(new Set(spaces.map(({ root }) => root)));
  }

  /** The distance; 0 if every address space shows what was printed, sharing included. */
  score(): bigint {
    const mine = new Map<string, Shown[]>();
    const groups = new Map<unknown, string[]>();
    for (const space of this.#spaces) {
      const label = addressSpaceLine(printedAddressSpace(space));
      const shown = this.#shown.get(space.root)!;
      push(mine, label, shown);
      push(groups, shown.view, label);
    }
    let score = BigInt(this.#sharing.distance([...groups.values()]));
    for (const [label, shown] of mine) score += distance(shown, this.#printed.get(label) ?? []);
    for (const [label, shown] of this.#printed) if (!mine.has(label)) score += distance([], shown);
    return score;
  }

  /** Whether all views render as printed. */
  exact(): boolean {
    return this.score() === 0n;
  }

  /** The distance after a change, which is made and undone. */
  scoreAfter(trial: Trial): bigint {
    const saved = this.toggle(trial);
    const score = this.score();
    trial.toggle();
    for (const [root, shown] of saved) this.#shown.set(root, shown);
    return score;
  }

  /**
   * What a change, which is made and undone, shows wrongly where a screen was shown before. Bytes
   * count most; then ranges that were not printed with these ends.
   *
   * @param screen Name of the region that serves as the screen.
   */
  newlyWrong(trial: Trial, screen: string): bigint {
    const saved = this.toggle(trial);
    let wrong = 0n;
    for (const space of this.#spaces) {
      const before = saved.get(space.root);
      if (before === undefined) continue;
      const screens = before.ranges.filter(({ name }) => name === screen);
      const shown = this.#shown.get(space.root)!.ranges.filter(({ name }) => name !== screen);
      const pieces = shown.flatMap((range) => partsIn(range, screens));
      const printed = this.#printed.get(addressSpaceLine(printedAddressSpace(space))) ?? [];
      const counts = printed.map(({ ranges }) => wrongIn(pieces, ranges));
      wrong += counts.reduce((best, count) => count < best ? count : best, wrongIn(pieces, []));
    }
    trial.toggle();
    for (const [root, shown] of saved) this.#shown.set(root, shown);
    return wrong;
  }

  /** Makes a change. @returns What the affected roots showed before. */
  toggle(trial: Trial): Map<MemoryRegion, Shown> {
    const touched = new Map(
      trial.touches.map((region) => [region, [{ from: 0n, to: region.size }]]),
    );
    const before = affectedRegions(touched);
    trial.toggle();
    const after = affectedRegions(touched);
    const roots = new Set<MemoryRegion>();
    for (const { root } of this.#spaces) if (before.has(root) || after.has(root)) roots.add(root);
    const saved = new Map([...roots].map((root) => [root, this.#shown.get(root)!]));
    this.#show(roots);
    return saved;
  }

  #show(roots: ReadonlySet<MemoryRegion>): void {
    const memo = new Map<MemoryRegion | null, Shown>();
    for (const root of roots) {
      this.#shown.set(root, this.#showOne(root, memo));
    }
  }

  #showOne(root: MemoryRegion, memo: Map<MemoryRegion | null, Shown>): Shown {
    try {
      const physical = physicalRoot(root);
      let shown = memo.get(physical);
      if (shown === undefined) memo.set(physical, shown = this.#render(physical));
      return shown;
    } catch (error) {
      // With a wrong target, an alias can show itself.
      if (error instanceof FlatViewError && error.code === "RENDER_LIMIT") return { ...ENDLESS };
      throw error;
    }
  }

  #render(physical: MemoryRegion | null): Shown {
    const list = this.#list;
    render(physical, list);
    const ranges = list.rows.ranges().map((range) => rangeText(range, this.#dialect));
    return { root: physical?.name ?? "(none)", ranges, view: physical };
  }
}

function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}

/** Pairs the address spaces of one label so that little differs: each with the most similar one. */
function distance(left: readonly Shown[], right: readonly Shown[]): bigint {
  const rest = [...right];
  let score = 0n;
  for (const shown of left) {
    let best = -1;
    let least = viewDistance(shown, NOTHING);
    rest.forEach((other, i) => {
      const d = viewDistance(shown, other);
      if (best >= 0 && d >= least) return;
      least = d;
      best = i;
    });
    score += least;
    if (best >= 0) rest.splice(best, 1);
  }
  return rest.reduce((sum, shown) => sum + viewDistance(shown, NOTHING), score);
}

/** A tree without end is further from any view than all bytes together. */
const ENDLESS: Shown = { root: "(endless)", ranges: [], view: null };

const NOTHING: Shown = { root: "", ranges: [], view: null };

const memo = new WeakMap<Shown, WeakMap<Shown, bigint>>();

function viewDistance(left: Shown, right: Shown): bigint {
  let known = memo.get(left);
  if (known === undefined) memo.set(left, known = new WeakMap());
  let distance = known.get(right);
  if (distance === undefined) {
    distance = differingBytes(left.ranges, right.ranges) * BYTE;
    if (left.root === ENDLESS.root) distance += BYTE << 65n;
    if (left.root !== right.root) distance++;
    distance += BigInt(differingEdges(left.ranges, right.ranges));
    known.set(right, distance);
  }
  return distance;
}

/** The parts of a range that lie in one of the others. */
function partsIn(range: RangeText, others: readonly RangeText[]): RangeText[] {
  return others.filter(({ first, last }) => first <= range.last && range.first <= last).map(
    (other) => {
      const first = other.first > range.first ? other.first : range.first;
      const last = other.last < range.last ? other.last : range.last;
      return { ...range, first, last, offset: range.offset + first - range.first };
    },
  );
}

/** How much of these pieces was not printed. */
function wrongIn(pieces: readonly RangeText[], printed: readonly RangeText[]): bigint {
  let wrong = 0n;
  for (const piece of pieces) {
    wrong += piece.last - piece.first + 1n;
    for (const { first, last } of partsIn(piece, printed.filter((other) => alike(piece, other)))) {
      wrong -= last - first + 1n;
    }
  }
  const isPrinted = ({ first, last }: RangeText) =>
    printed.some((other) => other.first === first && other.last === last);
  return wrong * BYTE + BigInt(pieces.filter((piece) => !isPrinted(piece)).length);
}

/** Counts the starts of ranges that only one list has: neighbours that are joined in only one of them. */
function differingEdges(left: readonly RangeText[], right: readonly RangeText[]): number {
  const starts = new Set(left.map(({ first }) => first));
  const common = right.filter(({ first }) => starts.has(first)).length;
  return left.length + right.length - 2 * common;
}

/** Counts the bytes that two lists show differently, walking both by address. */
function differingBytes(left: readonly RangeText[], right: readonly RangeText[]): bigint {
  let bytes = 0n;
  let at = 0n;
  for (let i = 0, j = 0; i < left.length || j < right.length;) {
    const a = left[i];
    const b = right[j];
    const inA = a !== undefined && a.first <= at;
    const inB = b !== undefined && b.first <= at;
    const end = least(
      a === undefined ? null : inA ? a.last + 1n : a.first,
      b === undefined ? null : inB ? b.last + 1n : b.first,
    );
    if (inA !== inB || (inA && inB && !alike(a, b))) bytes += end - at;
    at = end;
    if (inA && a.last + 1n === end) i++;
    if (inB && b.last + 1n === end) j++;
  }
  return bytes;
}

function least(a: bigint | null, b: bigint | null): bigint {
  return a === null || (b !== null && b < a) ? b! : a;
}

function alike(a: RangeText, b: RangeText): boolean {
  return a.name === b.name && a.kind === b.kind && a.prio === b.prio &&
    a.offset - a.first === b.offset - b.first;
}
