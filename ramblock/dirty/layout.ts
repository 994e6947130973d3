/**
 * Where things lie in the table of the dirty bitmaps' chunks. `ramblock/kernel/kernel.as.ts` repeats
 * these numbers; a test compares them.
 *
 * A table is immutable but for the bits of its chunks, which every worker changes by
 * read-modify-writes. A larger table names the same chunks.
 *
 * @module
 */

/** Byte offsets in a table. */
export const TABLE = {
  /** How many chunks each client has. */
  CHUNKS: 0,
  /** The chunks: those of client 0, then those of client 1, then those of client 2. */
  ENTRIES: 16,
} as const;

/** Who is interested in which pages were written: a client has a bitmap of its own. */
export const DIRTY_CLIENT = {
  /** The display. */
  VGA: 0,
  /** Translated code. */
  CODE: 1,
  /** Migration. */
  MIGRATION: 2,
} as const;

/** One of the clients. */
export type DirtyClient = typeof DIRTY_CLIENT[keyof typeof DIRTY_CLIENT];

/** How many clients there are. */
export const CLIENTS = 3;

/** The mask of all clients; client number n has bit n. */
export const ALL_CLIENTS = 0b111;
