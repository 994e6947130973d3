/**
 * Runs of consecutive pages with one mapping. Control context only.
 *
 * @module
 */

import { lastAddress, toAddress } from "./pages.ts";

/** A range of pages, both ends inclusive. */
export interface PageRange {
  /** First page. */
  readonly first: number;
  /** Last page, inclusive. */
  readonly last: number;
}

/** Consecutive pages that map to consecutive pages. */
export interface PageRun extends PageRange {
  /** The page that the first one maps to. */
  readonly target: number;
  /** 1 read, 2 write, 3 both. */
  readonly perm: number;
}

/** The run that one table entry maps. */
export interface LeafRun extends PageRun {
  /** The entry's level: 0, 1 or 2 for a page of 4 KiB, 2 MiB or 1 GiB. */
  readonly level: number;
}

/** A range of addresses that maps to another, with the same permissions throughout. */
export interface Mapping {
  /** First address. */
  readonly first: bigint;
  /** Last address, inclusive. */
  readonly last: bigint;
  /** What the first address translates to. */
  readonly target: bigint;
  /** Permissions: 1 read, 2 write, 3 both. */
  readonly perm: number;
}

/** A run as addresses. */
export function toMapping({ first, last, target, perm }: PageRun): Mapping {
  return { first: toAddress(first), last: lastAddress(last), target: toAddress(target), perm };
}

/** Appends a run behind all others, merged with the last one if it continues that. */
export function appendRun(runs: PageRun[], run: PageRun): void {
  const before = runs.at(-1);
  const joins = before && before.last + 1 === run.first && before.perm === run.perm &&
    before.target - before.first === run.target - run.first;
  if (joins) runs[runs.length - 1] = { ...before, last: run.last };
  else runs.push(run);
}

/** The part of a run from one page to another. */
export function partOf(run: PageRun, first: number, last: number): PageRun {
  return { first, last, target: run.target + (first - run.first), perm: run.perm };
}

/** The parts of `runs` that `others` does not map in the same way. Both are sorted. */
export function difference(runs: readonly PageRun[], others: readonly PageRun[]): PageRun[] {
  const found: PageRun[] = [];
  let from = 0;
  for (const run of runs) {
    while (from < others.length && others[from]!.last < run.first) from++;
    let page = run.first;
    for (let at = from; at < others.length && others[at]!.first <= run.last; at++) {
      const other = others[at]!;
      const same = other.perm === run.perm &&
        other.target - other.first === run.target - run.first;
      if (!same) continue;
      if (page < other.first) found.push(partOf(run, page, other.first - 1));
      page = other.last + 1;
    }
    if (page <= run.last) found.push(partOf(run, page, run.last));
  }
  return found;
}
