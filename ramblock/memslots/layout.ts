/**
 * Where things lie in the arena. `ramblock/kernel/kernel.as.ts` repeats these numbers; a test
 * compares them.
 *
 * @module
 */

/** Byte offsets in the control block of memslots. */
export const CONTROL = {
  /** Written last by `create`. */
  MAGIC: 0,
  /** The current table, under SRCU. Changed by compare-and-exchange, by whoever commits. */
  ROOT: 4,
  /** The list of shadow maps. Only ever pushed to, by compare-and-exchange. */
  SHADOWS: 8,
  /** The most slots at once. Constant. */
  LIMIT: 12,
  /** log2 of the page size. Constant. */
  PAGE_BITS: 16,
} as const;

/** Size of the control block. */
export const CONTROL_BYTES = 64;

/** What `CONTROL.MAGIC` holds. */
export const CONTROL_MAGIC = 0x4d534c54;

/** Byte offsets in a table, which is immutable once published. */
export const TABLE = {
  /** u64: counts the tables of these memslots; never repeats. */
  GENERATION: 8,
  /** How many rows. */
  COUNT: 4,
  /** In a table with INVALID rows: the token of the context whose batch is under way. Else 0. */
  COMMITTER: 16,
  /** The rows, by rising base. */
  ROWS: 64,
} as const;

/** Byte offsets in a row. */
export const ROW = {
  /** u64: the first gfn. */
  BASE: 0,
  /** u64: how many pages. */
  PAGES: 8,
  /** u64: the host position of the first page. */
  HOST: 16,
  /** The slot's number. */
  ID: 24,
  /** See `SLOT_FLAG`. */
  FLAGS: 28,
  /** The dirty log: a bitmap, one bit a page; 0 if there is none. */
  LOG: 32,
} as const;

/** Bytes from one row to the next. */
export const ROW_BYTES = 64;

/** Byte offsets in a shadow map. */
export const SHADOW = {
  /** The next shadow map. Constant once it is in the list. */
  NEXT: 0,
  /** Token of the context that fills it; 0 if none does. By compare-and-exchange. */
  OWNER: 4,
  /** How many entries, less one. Constant. */
  MASK: 8,
  /** The entries, 16 bytes each: tag and host position. */
  ENTRIES: 64,
} as const;

/** The flags of a slot. */
export const SLOT_FLAG = {
  /** Writes leave to whoever emulates the memory. */
  READONLY: 1,
  /** Pages that are written are marked in the slot's log. */
  LOG_DIRTY: 2,
  /** A batch takes the slot away, or changes it, right now. Never set by users. */
  INVALID: 4,
} as const;

/** Lookups return a host position, or one of these: all are negative. */
export const OUTCOME = {
  /** No slot has the gfn: the access leaves to a device. */
  NO_SLOT: -1,
  /** A batch is changing the slot: leave the section, and try again. */
  RETRY: -2,
  /** A write to a read-only slot: the access leaves to a device. */
  READ_ONLY: -3,
} as const;
