/**
 * What listeners of this package need of a section of a flat view: declared here, so that the package
 * depends on none that makes them.
 *
 * @module
 */

/** What listeners look at of a memory region. */
export interface RamRegion {
  /** Its nature: `"ram"`, `"rom"`, `"romDevice"`, `"ramDevice"`; others have no memory. */
  readonly kind: string;
  /** Whether a ROM device is read directly now. */
  readonly romd: boolean;
  /** The clients that log writes to it. */
  readonly dirtyLogMask: number;
  /** The RAM block behind it, and the ram_addr_t of its first byte; null if there is none. */
  readonly ram: { readonly blockId: number; readonly ramAddr: bigint } | null;
}

/** What listeners look at of a section of a flat view. */
export interface RamSection {
  /** The region; null for a section that names addresses only. */
  readonly region: RamRegion | null;
  /** Offset in the region of the first byte. */
  readonly offsetWithinRegion: bigint;
  /** Guest physical address of the first byte. */
  readonly offsetWithinAddressSpace: bigint;
  /** Bytes. */
  readonly size: bigint;
  /** Writes do not reach the memory: of ROM, and of what is shown read-only. */
  readonly readonly: boolean;
}
