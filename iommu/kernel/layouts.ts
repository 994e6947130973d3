/**
 * What a mapping table looks like in the arena. `deno task kernel` makes the kernel's constants from
 * what this module exports.
 *
 * A 64-bit entry of a node is one of
 *
 * - 0: nothing is mapped;
 * - a leaf: bits 63:12 are the first page that it maps to, bit 1 write, bit 0 read, at least one of
 *   them set; at level 0 it maps 4 KiB, at level 1 2 MiB, at level 2 1 GiB;
 * - a pointer: bits 63:32 are the offset of a node of the level below, bit 2 is set, bits 1:0 are
 *   clear.
 *
 * No node but the root is empty.
 *
 * @module
 */

import { aligned, array, defineLayout } from "@guestmem/rcu/layout";

/** A table's header. Written before the table is published, and never again. */
export const TABLE = defineLayout({
  /** Offset of the root node. */
  root: "u32",
  /** How many levels of nodes there are. */
  levels: "u32",
  /** The domain's id. */
  id: "u64",
  /** Number of the address space that the table maps to. */
  target: "u32",
});

/** A node. */
export const NODE = defineLayout({
  /** How many entries are not 0; read and written by the control context alone. */
  count: "u32",
  /** The entries. */
  entries: aligned(16, array("u64", 512)),
});

/** An entry of a node, whose address is `NODE.entries.at(node, slot)`. */
export const ENTRY = defineLayout({
  /** The entry. Read and written as one once a reader can reach the node. */
  word: "u64",
});

/** Bits of an entry's low word. */
export const ENTRY_BIT = {
  /** The permissions of a leaf: 1 read, 2 write. */
  PERMISSIONS: 3,
  /** The entry is a pointer. */
  POINTER: 4,
} as const;
