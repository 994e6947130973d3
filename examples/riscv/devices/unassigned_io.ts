import type { MemoryRegionOps } from "@guestmem/flatview";

/** A window on which nothing answers: reads are all ones and writes vanish, as on a bus. */
export const UNASSIGNED_IO: MemoryRegionOps = {
  valid: { minAccessSize: 1, maxAccessSize: 8, unaligned: true },
  impl: { minAccessSize: 1, maxAccessSize: 8, unaligned: true },
  read: (_offset, size) => allOnes(size),
  write: () => {},
};

/** What a read of nothing returns. */
export function allOnes(size: number): number | bigint {
  return size === 8 ? 2n ** 64n - 1n : 2 ** (8 * size) - 1;
}
