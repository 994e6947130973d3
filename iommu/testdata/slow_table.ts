/**
 * A slow, obvious model of a mapping table: a list of what was mapped, cut where it was unmapped.
 *
 * @module
 */

/** Consecutive pages that map to consecutive pages. */
export interface ModelRun {
  first: number;
  last: number;
  target: number;
  perm: number;
}

/** The model. All values are in pages. */
export class SlowTable {
  runs: ModelRun[] = [];

  /** Maps a run; false, and nothing changes, if one of its pages is mapped. */
  map(run: ModelRun): boolean {
    if (this.runs.some(({ first, last }) => first <= run.last && run.first <= last)) return false;
    this.runs.push(run);
    return true;
  }

  /** Unmaps a range; returns how many of its pages were mapped. */
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

  /** What a page maps to. */
  find(page: number): { target: number; perm: number } | null {
    const run = this.runs.find(({ first, last }) => first <= page && page <= last);
    return run ? { target: run.target + page - run.first, perm: run.perm } : null;
  }

  /** The runs in order, merged where one continues another. */
  get merged(): ModelRun[] {
    const sorted = [...this.runs].sort((a, b) => a.first - b.first);
    const merged: ModelRun[] = [];
    for (const run of sorted) {
      const before = merged.at(-1);
      const continues = before && before.last + 1 === run.first && before.perm === run.perm &&
        before.target + (run.first - before.first) === run.target;
      if (continues) before.last = run.last;
      else merged.push({ ...run });
    }
    return merged;
  }
}
