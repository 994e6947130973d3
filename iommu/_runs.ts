/**
 * Runs of pages that are mapped alike, and sorted lists of them. Control context only.
 *
 * @module
 */

import { lastAddress, toAddress } from "./_pages.ts";

/** Pages that lead to as many others in a row. */
export interface PageRun {
  /** First page. */
  readonly first: number;
  /** Last page, inclusive. */
  readonly last: number;
  /** The page that the first one leads to. */
  readonly target: number;
  /** 1 read, 2 write, 3 both. */
  readonly perm: number;
}

/** A range of addresses that leads to another, with the same permissions throughout. */
export interface Mapping {
  /** First address. */
  readonly first: bigint;
  /** Last address, inclusive. */
  readonly last: bigint;
  /** What the first address translates to. */
  readonly target: bigint;
  /** What it allows: 1 read, 2 write, 3 both. */
  readonly perm: number;
}

/** A run as addresses. */
export function toMapping({ first, last, target, perm }: PageRun): Mapping {
  return { first: toAddress(first), last: lastAddress(last), target: toAddress(target), perm };
}

/** Adds a run behind all others, joined with the last one if that goes on in it. */
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

/** The parts of `runs` that `others` does not map alike. Both are sorted. */
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

/** Disjoint runs in the order of their pages. */
export class RunList {
  #runs: PageRun[] = [];

  /** The runs, joined where they go on in one another. */
  get joined(): PageRun[] {
    const joined: PageRun[] = [];
    for (const run of this.#runs) appendRun(joined, run);
    return joined;
  }

  /** The parts of the runs that lie in a range. */
  within(first: number, last: number): PageRun[] {
    const found: PageRun[] = [];
    for (let at = this.#from(first); at < this.#runs.length; at++) {
      const run = this.#runs[at]!;
      if (run.first > last) break;
      found.push(partOf(run, Math.max(run.first, first), Math.min(run.last, last)));
    }
    return found;
  }

  /** Adds a run; false, and nothing is changed, if a page of it is there already. */
  add(run: PageRun): boolean {
    const at = this.#from(run.first);
    if (at < this.#runs.length && this.#runs[at]!.first <= run.last) return false;
    this.#runs.splice(at, 0, run);
    return true;
  }

  /** Takes a range out. */
  remove(first: number, last: number): void {
    const from = this.#from(first);
    let to = from;
    while (to < this.#runs.length && this.#runs[to]!.first <= last) to++;
    if (from === to) return;
    const left = this.#runs[from]!;
    const right = this.#runs[to - 1]!;
    const kept: PageRun[] = [];
    if (left.first < first) kept.push(partOf(left, left.first, first - 1));
    if (right.last > last) kept.push(partOf(right, last + 1, right.last));
    this.#runs.splice(from, to - from, ...kept);
  }

  /** Index of the first run that does not end before a page. */
  #from(page: number): number {
    let low = 0;
    let high = this.#runs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#runs[middle]!.last < page) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
