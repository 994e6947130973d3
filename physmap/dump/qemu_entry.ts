/**
 * The entries of QEMU's nodes: a skip in the 6 low bits, a pointer in the other 26.
 *
 * @module
 */

/** Bits of the page number that one level consumes. */
export const LEVEL_BITS = 9;
/** Entries of a node. */
export const NODE_ENTRIES = 512;

/** Bits of an entry that hold the skip (the low ones); the other 26 hold the pointer. */
export const SKIP_BITS = 6;
/** Mask of an entry's skip. */
export const SKIP_MASK = 63;
/** The pointer of an entry that leads nowhere. Also the most nodes that a map can have. */
export const NIL = 0x3ff_ffff;
