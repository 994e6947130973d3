/**
 * The ram_addr_t of a new block.
 *
 * @module
 */

/** The addresses that a block takes up. */
export interface Extent {
  /** Its ram_addr_t. */
  readonly offset: number;
  /** Its maximum length. */
  readonly maxLength: number;
}

/** Offsets are aligned to the pages that one word of a dirty bitmap covers. */
const ALIGNMENT_PAGES = 64;

/**
 * Finds the ram_addr_t of a new block as QEMU's `find_ram_offset` does: 0 if there is no block; else
 * the smallest gap behind a block that fits, the first found among equals. If none fits within the
 * windows, the gap before the first block is used as well.
 *
 * @param blocks The blocks, in the order of QEMU's list (by falling maximum length).
 * @param length Bytes needed.
 * @param pageBits log2 of the page size.
 * @param limit End of the space: the block must not reach beyond it.
 * @returns The offset, or -1 if no gap fits.
 */
export function findRamOffset(
  blocks: readonly Extent[],
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
    // The space behind the last block counts as infinite: every gap between two blocks comes first.
    const next = firstAtOrAfter(starts, candidate) ?? Number.MAX_SAFE_INTEGER;
    const gap = next - candidate;
    if (Math.min(next, limit) - candidate >= length && gap < smallest) {
      found = candidate;
      smallest = gap;
    }
  }
  // QEMU never looks before the first block, since its space has no end. The windows do have one.
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
