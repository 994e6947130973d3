/**
 * The clients of dirty tracking.
 *
 * @module
 */

/** Who wants to know which pages were written: each client has its own bitmap. */
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
