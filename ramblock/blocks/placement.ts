/**
 * Where a new block goes in the space of ram_addr_t.
 *
 * @module
 */

/** A block that is in the way. */
export interface Placed {
  /** Its ram_addr_t. */
  readonly offset: number;
  /** Its maximum length. */
  readonly maxLength: number;
}

/** Candidates are aligned to the pages that one word of a dirty bitmap covers. */
const ALIGNMENT_PAGES = 64;

/**
 * Finds the ram_addr_t of a new block as QEMU's `find_ram_offset` does: 0 if there is no block; else
 * the smallest gap behind a block that fits, the first found among equals. Where that would leave the
 * windows, the gap before the first block is used too.
 *
 * @param blocks The blocks, in the order of QEMU's list (by falling maximum length).
 * @param length Bytes needed.
 * @param pageBits log2 of the page size.
 * @param limit Where the space ends: the block must not reach beyond.
 * @returns The offset, or -1 if no gap fits.
 */
export function findOffset(
  blocks: readonly Placed[],
  length: number,
  pageBits: number,
  limit: number,
): number {
  if (blocks.length === 0) return length <= limit ? 0 : -1;
  const alignment = ALIGNMENT_PAGES * 2 ** pageBits;
  const starts = blocks.map(({ offset }) => offset).sort((a, b) => a - b);
  let found = -1;
  let smallest = Infinity;
  for (const { offset, maxLength } of blocks) {
    const candidate = Math.ceil((offset + maxLength) / alignment) * alignment;
    // The space behind the last block counts as endless: every gap between two blocks goes first.
    const next = firstAtOrAfter(starts, candidate) ?? Number.MAX_SAFE_INTEGER;
    const gap = next - candidate;
    if (Math.min(next, limit) - candidate >= length && gap < smallest) {
      found = candidate;
      smallest = gap;
    }
  }
  // QEMU never looks before the first block, since its space has no end. Here the windows have one.
  return found < 0 && starts[0]! >= length ? 0 : found;
}

function firstAtOrAfter(sorted: readonly number[], from: number): number | undefined {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < from) low = middle + 1;
    else high = middle;
  }
  return sorted[low];
}
