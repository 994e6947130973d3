/**
 * Leaves: entries of a node that map a page.
 *
 * @module
 */

/** The low word of a leaf. */
export function leafLow(page: number, perm: number): number {
  return ((page << 12) | perm) >>> 0;
}

/** The high word of a leaf. */
export function leafHigh(page: number): number {
  return Math.floor(page / 0x10_0000);
}

/** The page that a leaf maps to. */
export function leafPage(low: number, high: number): number {
  return (high >>> 0) * 0x10_0000 + (low >>> 12);
}
