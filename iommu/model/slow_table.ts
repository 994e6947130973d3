/**
 * The slow and obvious model of a mapping table: a list of what was mapped, cut where it was unmapped.
 *
 * @module
 */

/** Pages that lead to as many others in a row. */
export interface ModelRun {
  first: number;
  last: number;
  target: number;
  perm: number;
}

/** See the module. All in pages. */
export class SlowTable {
  runs: ModelRun[] = [];

  /** False if a page of it is mapped. */
  map(run: ModelRun): boolean {
    if (this.runs.some(({ first, last }) => first <= run.last && run.first <= last)) return false;
    this.runs.push(run);
    return true;
  }

  /** How many pages were mapped. */
  unmap(first: number, last: number): number {
    let pages = 0;
    this.runs = this.runs.flatMap((run) => {
      if (run.last < first || last < run.first) return [run];
      pages += Math.min(run.last, last) - Math.max(run.first, first) + 1;
      const left = { ...run, last: first - 1 };
      const right = { ...run, first: last + 1, target: run.target + last + 1 - run.first };
      return [left, right].filter((part) => part.first <= part.last);
    });
    return pages;
  }

  /** What a page leads to. */
  find(page: number): { target: number; perm: number } | null {
    const run = this.runs.find(({ first, last }) => first <= page && page <= last);
    return run ? { target: run.target + page - run.first, perm: run.perm } : null;
  }

  /** The runs in order, joined where they go on in one another. */
  get joined(): ModelRun[] {
    const sorted = [...this.runs].sort((a, b) => a.first - b.first);
    const joined: ModelRun[] = [];
    for (const run of sorted) {
      const before = joined.at(-1);
      const goesOn = before && before.last + 1 === run.first && before.perm === run.perm &&
        before.target + (run.first - before.first) === run.target;
      if (goesOn) before.last = run.last;
      else joined.push({ ...run });
    }
    return joined;
  }
}
