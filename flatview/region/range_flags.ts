/** The flag bits of a flat range, and so of the section of a dispatch that it is in shared memory. */
export const RangeFlag = {
  /** RAM proper: RAM, ROM and RAM devices, but not ROM devices. */
  RAM: 1 << 0,
  /** Writes do not reach the memory: accumulated over containers and aliases. */
  READONLY: 1 << 1,
  /** A ROM device, whatever its mode. */
  ROM_DEVICE: 1 << 2,
  /** A ROM device in romd mode: reads are direct. */
  ROMD: 1 << 3,
  /** A RAM device: RAM that is accessed through callbacks only. */
  RAM_DEVICE: 1 << 4,
  /** An IOMMU: accesses are translated and go on elsewhere. */
  IOMMU: 1 << 5,
  /** Nonvolatile: accumulated over containers and aliases. */
  NONVOLATILE: 1 << 6,
  /** Reserved: decoded as nothing. */
  RESERVED: 1 << 7,
  /** Stays apart from its neighbours: accumulated over containers and aliases. */
  UNMERGEABLE: 1 << 16,
} as const;

/** First bit of the dirty-log mask of the range's region, which is eight bits wide. */
export const DIRTY_LOG_SHIFT = 8;

/**
 * The bits of the dirty-log mask. Neighbours that differ in them do not join, but for listeners a
 * range that differs in nothing else stays.
 */
export const DIRTY_LOG_BITS: number = 0xff << DIRTY_LOG_SHIFT;

/**
 * The clients that log writes to a range: bit n is client n of {@linkcode MemoryRegion.setLog}.
 *
 * @param flags The flags of the range.
 */
export function dirtyLogMask(flags: number): number {
  return (flags & DIRTY_LOG_BITS) >>> DIRTY_LOG_SHIFT;
}
