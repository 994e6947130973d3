/**
 * What listeners of this package need of a section of a flat view. It is stated here, so that the
 * package does not depend on the one that makes flat views.
 *
 * @module
 */

/** A section of a flat view, as listeners see it. */
export interface RamSection {
  /** The region; null for a section that has addresses only. */
  readonly region: {
    /** `"ram"`, `"rom"`, `"romDevice"` or `"ramDevice"`; regions of other kinds have no memory. */
    readonly kind: string;
    /** Whether a ROM device is in romd mode: reads go to its memory. */
    readonly romd: boolean;
    /** The clients that log writes to it. */
    readonly dirtyLogMask: number;
    /** The RAM block behind it, and the ram_addr_t of its first byte; null if there is none. */
    readonly ram: { readonly blockId: number; readonly ramAddr: number | bigint } | null;
  } | null;
  /** Offset in the region of the first byte. */
  readonly offsetWithinRegion: bigint;
  /** Guest physical address of the first byte. */
  readonly offsetWithinAddressSpace: bigint;
  /** Bytes. */
  readonly size: bigint;
  /** Writes do not reach the memory: it is ROM, or is mapped read-only. */
  readonly readonly: boolean;
}
