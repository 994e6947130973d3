import { type Dialect, dialectOf } from "../mtree/dialect.ts";
import { addressSpaceLine, printedAddressSpace, rangeLine } from "../mtree/print_flat_views.ts";
import type { ViewText } from "../mtree/print_flat_views.ts";
import type { liveViews } from "../mtree/live_views.ts";
import type { PrintedView } from "../mtree/printed_view.ts";

/** A view as lines, its address spaces sorted. */
interface Lines {
  readonly spaces: readonly string[];
  readonly root: string;
  readonly ranges: readonly string[];
  readonly dispatch: readonly string[];
}

/**
 * Compares views with those that QEMU printed. Both are compared as multisets: names repeat, and the
 * order of views, and of the address spaces in one, means nothing. The dialect is that of the printed
 * views.
 *
 * @param mine The views that were rendered here.
 * @param printed QEMU's.
 * @returns How much there is, and how much of it is exact.
 */
export function compareViews(
  mine: Readonly<ReturnType<typeof liveViews>>,
  printed: readonly PrintedView[],
): {
  /** Views that QEMU printed. An exact one has the same ranges, root, sharing and dispatch. */
  readonly views: { readonly total: number; readonly exact: number };
  /** Range lines. */
  readonly ranges: { readonly total: number; readonly exact: number };
  /** Dispatch lines. */
  readonly dispatchLines: { readonly total: number; readonly exact: number };
  /** Views that QEMU does not have. */
  readonly extraViews: number;
  /** The differences, for reading; empty if there are none. */
  readonly differences: readonly string[];
} {
  const dialect = dialectOf(printed.flatMap(({ ranges }) => ranges.map(({ kind }) => kind)));
  const rest = mine.map((view) => linesOf(view, dialect));
  const missing: Lines[] = [];
  const count = { ranges: { total: 0, exact: 0 }, dispatch: { total: 0, exact: 0 } };
  for (const view of printed.map(printedLines)) {
    count.ranges.total += view.ranges.length;
    count.dispatch.total += view.dispatch.length;
    const at = rest.findIndex((other) => same(view, other));
    if (at < 0) {
      missing.push(view);
      continue;
    }
    rest.splice(at, 1);
    count.ranges.exact += view.ranges.length;
    count.dispatch.exact += view.dispatch.length;
  }
  const differences: string[] = [];
  for (const view of missing) {
    const at = closest(view, rest);
    const other = at < 0 ? null : rest.splice(at, 1)[0]!;
    if (other !== null) {
      count.ranges.exact += common(view.ranges, other.ranges);
      count.dispatch.exact += common(view.dispatch, other.dispatch);
    }
    differences.push(...difference(view, other));
  }
  for (const view of rest) differences.push(`view of ${view.root}: not in QEMU`, ...view.spaces);
  return {
    views: { total: printed.length, exact: printed.length - missing.length },
    ranges: count.ranges,
    dispatchLines: count.dispatch,
    extraViews: rest.length,
    differences,
  };
}

function linesOf(view: ViewText, dialect: Dialect): Lines {
  return {
    spaces: view.addressSpaces.map((s) => addressSpaceLine(printedAddressSpace(s))).sort(),
    root: view.root?.name ?? "(none)",
    ranges: view.ranges.map((range) => rangeLine(range, dialect)),
    dispatch: view.dispatch,
  };
}

function printedLines(view: PrintedView): Lines {
  return {
    spaces: view.addressSpaces.map(addressSpaceLine).sort(),
    root: view.root,
    ranges: view.ranges.map(({ text }) => text),
    dispatch: view.dispatch.map(({ text }) => text),
  };
}

/** Whether a view is as printed. Without `-d` the dispatch was not printed, and is not compared. */
function same(left: Lines, right: Lines): boolean {
  return left.root === right.root && equal(left.spaces, right.spaces) &&
    equal(left.ranges, right.ranges) &&
    (left.dispatch.length === 0 || equal(left.dispatch, right.dispatch));
}

function equal(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((line, i) => line === right[i]);
}

/** Index of the view with most in common with this one; -1 if none shares an address space or the root. */
function closest(view: Lines, others: readonly Lines[]): number {
  let best = -1;
  let most = 0;
  others.forEach((other, i) => {
    const score = 1000 * common(view.spaces, other.spaces) +
      (view.root === other.root ? 100 : 0) + common(view.ranges, other.ranges);
    if (score > most) {
      most = score;
      best = i;
    }
  });
  return best;
}

/** How many lines both have, repetitions counted. */
function common(left: readonly string[], right: readonly string[]): number {
  return left.length - minus(left, right).length;
}

/** The lines of one list that the other lacks, repetitions counted. */
function minus(left: readonly string[], right: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const line of right) counts.set(line, (counts.get(line) ?? 0) + 1);
  return left.filter((line) => {
    const count = counts.get(line) ?? 0;
    counts.set(line, count - 1);
    return count <= 0;
  });
}

function difference(view: Lines, other: Lines | null): string[] {
  const lines = [`view of ${view.root}:${view.spaces.join(",")}`];
  if (other === null) return [...lines, "  not rendered"];
  if (view.root !== other.root) lines.push(`- root ${view.root}`, `+ root ${other.root}`);
  for (const part of ["spaces", "ranges", "dispatch"] as const) {
    if (part === "dispatch" && view.dispatch.length === 0) continue;
    lines.push(...minus(view[part], other[part]).map((line) => `-${line}`));
    lines.push(...minus(other[part], view[part]).map((line) => `+${line}`));
    const reordered = !equal(view[part], other[part]) &&
      equal(view[part].toSorted(), other[part].toSorted());
    if (reordered) lines.push(`  ${part}: the same lines in another order`);
  }
  return lines;
}
