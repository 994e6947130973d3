import type { RamWindow } from "../access/guest_memory.ts";

/** Consecutive guest pages that lie behind one another in one window, as one map shows them. */
export class PageExtent {
  /** The row of the dispatch that shows them; 0 if none does. */
  row: number = 0;
  /** Number of the first page. A fraction at first, so that the field always holds doubles. */
  first: number = 0.5;
  /** Number of the last page. */
  last: number = -0.5;
  /** The window. */
  window: RamWindow | null = null;
  /** Byte offset of the first page in it. */
  at: number = 0.5;
  /** See `PageAccess`. */
  access: number = 0;

  /** Forgets the pages. */
  clear(): void {
    this.row = 0;
    this.first = 0.5;
    this.last = -0.5;
    this.window = null;
  }
}

/** An extent without pages. */
export const NO_EXTENT: PageExtent = new PageExtent();
