/**
 * A sorted list of runs, for those that keep a copy of a region's mappings. Control context only.
 *
 * @module
 */

import { appendRun, type PageRun, partOf } from "./page_run.ts";

/** Disjoint runs in page order. */
export class RunList {
  #runs: PageRun[] = [];

  /** The runs, merged where one continues another. */
  get merged(): PageRun[] {
    const merged: PageRun[] = [];
    for (const run of this.#runs) appendRun(merged, run);
    return merged;
  }

  /** The parts of the runs that are in a range. */
  within(first: number, last: number): PageRun[] {
    const found: PageRun[] = [];
    for (let at = this.#from(first); at < this.#runs.length; at++) {
      const run = this.#runs[at]!;
      if (run.first > last) break;
      found.push(partOf(run, Math.max(run.first, first), Math.min(run.last, last)));
    }
    return found;
  }

  /** Adds a run. Returns false and changes nothing if one of its pages is in the list. */
  add(run: PageRun): boolean {
    const at = this.#from(run.first);
    if (at < this.#runs.length && this.#runs[at]!.first <= run.last) return false;
    this.#runs.splice(at, 0, run);
    return true;
  }

  /** Removes a range. */
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
