/**
 * What lies in a dispatch, which is one block of the arena:
 *
 * ```text
 * +0            header, a DISPATCH
 * +64           nodes, 512 entries of 4 bytes each
 * +sectionsAt   section rows, a SECTION each; row 0 is "unassigned"
 * +subpagesAt   subpage tables, one u16 section number for each byte of a page
 * ```
 *
 * The block is written before it is published and never afterwards, so readers use plain loads: the
 * seq-cst load that found the block happens after the seq-cst store that published it.
 *
 * `deno task kernel` makes the kernel's constants of what this module exports.
 *
 * @module
 */

import { aligned, bytes, CACHE_LINE, defineLayout } from "@guestmem/rcu/layout";

/** The header of a dispatch. The nodes follow it. */
export const DISPATCH = defineLayout({
  /** {@linkcode MAGIC}. */
  magic: aligned(CACHE_LINE, "u32"),
  /** Bytes of the whole block. */
  bytes: "u32",
  /** 1 to 2^53 - 1, and never the same for two dispatches of an arena. */
  generation: "f64",
  /** The root entry of the map, an entry as in a node. */
  root: "u32",
  /** log2 of the page size, 8 to 16. */
  pageBits: "u32",
  /** Levels of the map: `floor((64 - pageBits - 1) / 9) + 1`. */
  levels: "u32",
  /** How many nodes follow the header. */
  nodes: "u32",
  /** Offset of the section rows in the block. */
  sectionsAt: "u32",
  /** How many section rows there are. */
  sections: "u32",
  /** Offset of the subpage tables in the block. */
  subpagesAt: "u32",
  /** How many subpage tables there are. */
  subpages: "u32",
  /** 0. */
  reserved: bytes(16),
});

/** A section row. */
export const SECTION = defineLayout({
  /** First address. */
  first: "u64",
  /** Last address, inclusive. */
  last: "u64",
  /** Offset in the region of the first address. */
  offset: "u64",
  /** The region's id; {@linkcode NO_REGION} in row 0 and in a container. */
  region: "u32",
  /** {@linkcode CALLER_FLAGS} and {@linkcode SECTION_FLAG}. */
  flags: "u32",
});

/** A section row that is a subpage container has this word where others have `offset`. */
export const CONTAINER = defineLayout({
  /** As in a {@linkcode SECTION}: the page's first byte. */
  first: "u64",
  /** As in a {@linkcode SECTION}: the page's last byte. */
  last: "u64",
  /** Offset of its subpage table in the block. */
  table: "u32",
});

/** What {@linkcode DISPATCH}`.magic` holds ("pmap", read as bytes). */
export const MAGIC = 0x70616d70;

/** The section flags that belong to this package. */
export const SECTION_FLAG = {
  /** A subpage container: its table says which section has which byte of the page. */
  CONTAINER: 0x8000_0000,
  /**
   * A page within the section's range was registered again later and points at another section, so
   * an address in the range may belong elsewhere. Only sections that pages point at carry it (whole
   * pages and containers).
   */
  OVERLAID: 0x4000_0000,
} as const;

/** The section flags that belong to the caller: carried, never interpreted. */
export const CALLER_FLAGS = 0x3fff_ffff;

/** The region id of unassigned addresses. */
export const NO_REGION = 0;

/** Bits of the page number that one level consumes. */
export const LEVEL_BITS = 9;
/** Entries of a node. */
export const NODE_ENTRIES = 512;
/** Bytes of a node. */
export const NODE_BYTES = 2048;

/** Bits of an entry that hold the skip (the low ones); the other 26 hold the pointer. */
export const SKIP_BITS = 6;
/** Mask of an entry's skip. */
export const SKIP_MASK = 63;
/** The pointer of an entry that leads nowhere. Also the most nodes that a map can have. */
export const NIL = 0x3ff_ffff;
