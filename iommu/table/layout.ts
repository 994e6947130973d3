/**
 * How a mapping table lies in the arena.
 *
 * A **header** of 32 bytes, written before it is published and never again: the root node, the number
 * of levels, the id (64 bits), the handle of the target address space.
 *
 * **Nodes** of 16 + 512 * 8 bytes: the number of entries that are not 0 (read and written by the
 * control context alone), then the entries. An entry of 64 bits is
 *
 * - 0: nothing is mapped;
 * - a leaf: bits 63:12 the first page that it leads to, bit 1 write, bit 0 read, at least one set;
 *   at level 0 it maps 4 KiB, at level 1 2 MiB, at level 2 1 GiB;
 * - a pointer: bits 63:32 the offset of a node of the level below, bit 2 set, bits 1:0 clear.
 *
 * No node but the root is empty.
 *
 * @module
 */

/** Bytes of the header. */
export const HEADER_BYTES = 32;
/** Offsets in the header. */
export const HEADER = { root: 0, levels: 4, id: 8, target: 16 } as const;
/** Where in a node its count lies. */
export const COUNT = 0;
/** Where in a node its entries start. */
export const ENTRIES = 16;
/** Bytes of a node. */
export const NODE_BYTES: number = ENTRIES + 512 * 8;
/** Bit of a pointer in an entry's low word. */
export const TABLE = 4;
/** The permission bits of a leaf. */
export const PERM_MASK = 3;
/** The highest level at which an entry may be a leaf. */
export const MAX_LEAF_LEVEL = 2;

/** The low word of a leaf. */
export function leafLow(page: number, perm: number): number {
  return ((page << 12) | perm) >>> 0;
}

/** The high word of a leaf. */
export function leafHigh(page: number): number {
  return Math.floor(page / 0x10_0000);
}

/** The page that a leaf leads to. */
export function leafPage(low: number, high: number): number {
  return (high >>> 0) * 0x10_0000 + (low >>> 12);
}
