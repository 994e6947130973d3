/**
 * What a map consists of in the arena:
 *
 * ```text
 * DISPATCH   one for each version: its root entry and its generation
 * nodes      128 entries of 4 bytes each; versions share them
 * sections   a SECTION for each range; versions share them
 * ```
 *
 * An **entry** is an address in the arena with a height in its five lowest bits. Height 0: a section.
 * Height h: a node that covers 128^h addresses, in 128 slots of 128^(h - 1). The entry 0 leads nowhere.
 *
 * Everything is written before it is published and never afterwards, so readers use plain loads: the
 * seq-cst load that found the dispatch happens after the seq-cst store that published it.
 *
 * `deno task kernel` makes the kernel's constants of what this module exports.
 *
 * @module
 */

import { aligned, CACHE_LINE, defineLayout, type Layout } from "@guestmem/rcu/layout";

/**
 * A section: the addresses of one range, and where in which region they lie. It lies at a multiple of
 * its size, so that an entry's height fits below its address.
 */
export const SECTION: Layout<
  { first: "u64"; last: "u64"; offset: "u64"; region: "u32"; flags: "u32" }
> = defineLayout({
  /** First address. */
  first: "u64",
  /** Last address, inclusive. */
  last: "u64",
  /** Offset in the region of the first address. */
  offset: "u64",
  /** The region's id; {@linkcode NO_REGION} for the unassigned section. */
  region: "u32",
  /** The caller's flags: carried, never interpreted. */
  flags: "u32",
});

/** One version of a map. The unassigned section follows it. */
export const DISPATCH = defineLayout({
  /** {@linkcode MAGIC}. */
  magic: aligned(CACHE_LINE, "u32"),
  /** The root entry: it covers all addresses. */
  root: "u32",
  /** 1 to 2^53 - 1, and never the same for two dispatches of an arena. */
  generation: "f64",
  /** log2 of the page size, 8 to 16. */
  pageBits: "u32",
  /** First address of the unassigned section: 0. From here on it is a {@linkcode SECTION}. */
  unassigned: aligned(32, "u64"),
});

/** What {@linkcode DISPATCH}`.magic` holds ("pmap", read as bytes). */
export const MAGIC = 0x70616d70;

/** The region id of unassigned addresses. */
export const NO_REGION = 0;

/** Bits of an address that one level of the map consumes. */
export const LEVEL_BITS = 7;
/** Slots of a node. */
export const NODE_SLOTS = 128;
/** Bytes of a node. */
export const NODE_BYTES = 512;
/** Mask of an entry's height; the other bits are an address in the arena. */
export const HEIGHT_MASK = 31;
/** Height of a node that covers all addresses. */
export const MAX_HEIGHT = 10;
