/**
 * Where things lie in the arena. `ramblock/kernel/kernel.as.ts` repeats these numbers; a test
 * compares them.
 *
 * @module
 */

/** Byte offsets in the block of a RamList. */
export const RAM = {
  /** Written last by `create`. */
  MAGIC: 0,
  /** The id of the next block; never repeats. Written by the writer. */
  NEXT_ID: 4,
  /** The RcuList of blocks. Constant. */
  LIST: 8,
  /** Removed blocks that are not reclaimed yet, linked by `BLOCK.RETIRED`. Written by the writer. */
  RETIRED: 12,
  /** log2 of the page size. Constant. */
  PAGE_BITS: 16,
  /** log2 of the pages in a chunk of the dirty bitmaps. Constant. */
  CHUNK_BITS: 20,
  /** log2 of the bytes in a window. Constant. */
  WINDOW_BITS: 24,
  /** How many windows. Constant. */
  WINDOWS: 28,
  /** u64: host position of the next caller's buffer; never repeats. Written by the writer. */
  NEXT_HOST: 32,
  /**
   * Which trust in the MRU word counts. The writer bumps it after it has unlinked or linked a
   * block; readers load it inside their section.
   */
  VERSION: 64,
  /** u64: a block (low half) and the version (high half) under which a reader found it. */
  MRU: 72,
  /** The table of the dirty bitmaps' chunks, in a cache line of its own. Under RCU. */
  DIRTY: 128,
} as const;

/** Size of the block of a RamList. */
export const RAM_BYTES = 192;

/** What `RAM.MAGIC` holds. */
export const RAM_MAGIC = 0x524d4c31;

/** Byte offsets in the record of a RAM block; immutable once published but for what says so. */
export const BLOCK = {
  /** The links of RcuList. */
  NEXT: 0,
  /** The id: never repeats. */
  ID: 8,
  /** One of `KIND`. */
  KIND: 12,
  /** u64: the ram_addr_t. */
  OFFSET: 16,
  /** u64: the maximum length in bytes. */
  MAX_LENGTH: 24,
  /** u64: the used length in bytes. The writer stores it, readers load it, both atomically. */
  USED_LENGTH: 32,
  /** u64: the host position. */
  HOST: 40,
  /** The clients whose dirty logging is on. Changed by read-modify-writes, loaded atomically. */
  LOG_MASK: 48,
  /** The next removed block. Written by the writer. */
  RETIRED: 52,
  /** Bytes of the name. */
  NAME_BYTES: 56,
  /** The name in UTF-8. */
  NAME: 60,
} as const;

/** Kinds of blocks. */
export const KIND = {
  /** Carved from the windows, zeroed. */
  ANONYMOUS: 0,
  /** A caller's buffer. */
  PREALLOCATED: 1,
  /** Carved from the windows, loaded from a file and written back to it. */
  FILE: 2,
  /** A caller's buffer, to be invalidated by the caller at the end. */
  EXTERNAL: 3,
} as const;

/** Where the memory of a block comes from; see the methods of `RamList`. */
export type RamBlockKind = "anonymous" | "preallocated" | "file" | "external";

/** Names of the kinds, by number. */
export const KIND_NAMES: readonly RamBlockKind[] = [
  "anonymous",
  "preallocated",
  "file",
  "external",
];

/** Host position of the first byte of window 0; the windows follow one another from there. */
export const HOST_WINDOWS = 2 ** 46;

/** Host positions of callers' buffers begin here. */
export const HOST_BUFFERS = 2 ** 47;

const HALF = 2 ** 32;

/** Reads a u64 that does not change, as a number. */
export function loadNumber(u32: Uint32Array, at: number): number {
  return u32[(at >>> 2) + 1]! * HALF + u32[at >>> 2]!;
}

/** Writes a u64 that is not published yet. */
export function storeNumber(u32: Uint32Array, at: number, value: number): void {
  u32[at >>> 2] = value >>> 0;
  u32[(at >>> 2) + 1] = Math.floor(value / HALF);
}
