/**
 * Where every word of a dispatch lies, in the one arena block that it takes up. All words are
 * little-endian `u32` unless said otherwise; a 64-bit value is two of them, the low half first.
 *
 * ```text
 * +0            header, 64 bytes
 * +64           nodes, 512 entries of 4 bytes each
 * +sections     section rows, 32 bytes each; row 0 is "unassigned"
 * +subpages     subpage tables, one u16 section number for each byte of a page
 * ```
 *
 * A block is written before it is published and never afterwards, so readers use plain loads: the
 * seq-cst load that found the block happens after the seq-cst store that published it.
 *
 * @module
 */

/** Bytes of the header. The nodes start right behind it. */
export const HEADER_BYTES = 64;
/** Bytes of a node: 512 entries. */
export const NODE_BYTES = 2048;
/** Entries of a node. */
export const NODE_ENTRIES = 512;
/** Bits of the page number that one level consumes. */
export const LEVEL_BITS = 9;
/** Bytes of a section row. */
export const SECTION_BYTES = 32;

/** What the word at {@linkcode HEADER.magic} holds ("pmap", read as bytes). */
export const MAGIC = 0x70616d70;

/** Byte offsets of the header's words from the start of the block. */
export const HEADER = {
  /** {@linkcode MAGIC}. */
  magic: 0,
  /** Bytes of the whole block. */
  bytes: 4,
  /** The generation, an f64: 1 to 2^53 - 1, and never the same for two dispatches of an arena. */
  generation: 8,
  /** The root entry of the map, an entry as in a node. */
  root: 16,
  /** log2 of the page size, 8 to 16. */
  pageBits: 20,
  /** Levels of the map: `floor((64 - pageBits - 1) / 9) + 1`. */
  levels: 24,
  /** How many nodes follow the header. */
  nodes: 28,
  /** Byte offset of the section rows from the start of the block. */
  sectionsAt: 32,
  /** How many section rows there are. */
  sections: 36,
  /** Byte offset of the subpage tables from the start of the block. */
  subpagesAt: 40,
  /** How many subpage tables there are. */
  subpages: 44,
} as const;

/** Byte offsets of a section row's words from the start of the row. */
export const SECTION = {
  /** First address, low half. */
  firstLo: 0,
  /** First address, high half. */
  firstHi: 4,
  /** Last address (inclusive), low half. */
  lastLo: 8,
  /** Last address, high half. */
  lastHi: 12,
  /** Offset in the region of the first address, low half; in a container {@linkcode SECTION.table}. */
  offsetLo: 16,
  /** In a subpage container: the byte offset of its table from the start of the block. */
  table: 16,
  /** Offset in the region of the first address, high half. */
  offsetHi: 20,
  /** The region's id; {@linkcode NO_REGION} in row 0 and in a subpage container. */
  region: 24,
  /** The caller's flags, and the two that are physmap's: {@linkcode SUBPAGE}, {@linkcode OVERLAID}. */
  flags: 28,
} as const;

/** Section flag: a subpage container, whose table says which section has which byte of the page. */
export const SUBPAGE = 0x8000_0000;
/**
 * Section flag: a page within the section's range was registered again later and points at another
 * section, so that lying in the range does not prove that an address belongs here. Only sections
 * that pages point at carry it (whole pages and containers).
 */
export const OVERLAID = 0x4000_0000;
/** The flags that are the caller's own: physmap carries them and never looks at them. */
export const CALLER_FLAGS = 0x3fff_ffff;
/** The region id of unassigned addresses. */
export const NO_REGION = 0;

/** The pointer of an entry that leads nowhere. Also the most nodes that a map can have. */
export const NIL = 0x3ff_ffff;
/** Bits of an entry that hold the skip (the low ones); the other 26 hold the pointer. */
export const SKIP_BITS = 6;
/** Mask of an entry's skip. */
export const SKIP_MASK = 63;
/** The entry of an untouched slot above level 0, and of an empty map's root: skip 1, NIL. */
export const EMPTY_ENTRY = ((NIL << SKIP_BITS) | 1) >>> 0;

/** Least supported log2 of the page size: 256 bytes. */
export const MIN_PAGE_BITS = 8;
/** Greatest supported log2 of the page size: 64 KiB. */
export const MAX_PAGE_BITS = 16;

/**
 * How many levels a map of 64-bit addresses has.
 *
 * @param pageBits log2 of the page size, 8 to 16.
 * @returns 6, or 7 for pages of 256 or 512 bytes.
 */
export function levelsFor(pageBits: number): number {
  return Math.floor((64 - pageBits - 1) / LEVEL_BITS) + 1;
}

/**
 * The bytes that a dispatch takes up in the arena.
 *
 * @param nodes How many nodes.
 * @param sections How many sections, the unassigned one included.
 * @param subpages How many subpage tables.
 * @param pageBits log2 of the page size.
 * @returns Bytes; the sum is exact and needs no padding.
 */
export function dispatchBytes(
  nodes: number,
  sections: number,
  subpages: number,
  pageBits: number,
): number {
  return HEADER_BYTES + nodes * NODE_BYTES + sections * SECTION_BYTES +
    subpages * 2 * 2 ** pageBits;
}
