/**
 * Where everything lies in an arena's memory: a header of {@linkcode HEADER_BYTES}, the context
 * table, a bitmap with one bit for each 16 bytes (set where a block starts), and the heap.
 *
 * @module
 */

import { RcuError } from "../errors/rcu_error.ts";

/** First word of an arena. */
export const MAGIC = 0x474d4152;
/** Version of this layout; raised by every change to it. */
export const LAYOUT_VERSION = 1;

/**
 * Word indices in the arena's header. "lock" is the word at {@linkcode Word.LOCK}; a word written
 * under it is read under it, so plain accesses are ordered by the lock's acquire and release.
 */
export const Word = {
  /** Written last by the creator, read by `attach`. */
  MAGIC: 0,
  VERSION: 1,
  ID_LOW: 2,
  ID_HIGH: 3,
  BYTES: 4,
  CONTEXTS: 5,
  DEBUG: 6,
  /** Number of the next allocation: under the lock. */
  SERIAL: 8,
  /** Most bytes ever in use: under the lock. */
  PEAK: 9,
  /** Heads of the lists of members and of limbo records: under the lock. */
  MEMBERS: 10,
  LIMBOS: 11,
  /** Quarantine of debug mode, a queue of blocks: under the lock. */
  QUARANTINE_HEAD: 12,
  QUARANTINE_TAIL: 13,
  /** Lock word, alone in its cache line: any context, atomically. */
  LOCK: 32,
  /** Token of the next context, alone in its cache line: any context, atomically. */
  NEXT_TOKEN: 48,
  /** Bytes by block state, then blocks by state and row: under the lock. */
  STATE_BYTES: 64,
  STATE_BLOCKS: 72,
  /** Map of rows that are not empty, maps of bins for each row, heads of the bins: under the lock. */
  ROW_MAP: 212,
  BIN_MAPS: 213,
  BINS: 241,
} as const;

/** Bytes of the arena's header. */
export const HEADER_BYTES = 2048;
/** Bytes of a record of the context table. */
export const CONTEXT_BYTES = 128;
/** Contexts that an arena is created for unless told otherwise. */
export const DEFAULT_CONTEXTS = 64;
/** Bytes of a WebAssembly page. */
export const PAGE_BYTES = 65536;
/** The largest arena: one page short of what 32-bit offsets reach. */
export const MAX_ARENA_BYTES = 4294967296 - PAGE_BYTES;

/** Places computed from an arena's size and number of contexts. */
export interface Layout {
  /** Size of the memory in bytes. */
  readonly bytes: number;
  /** Records in the context table. */
  readonly contexts: number;
  /** Offset of the context table. */
  readonly contextsAt: number;
  /** Offset of the bitmap of block starts. */
  readonly bitmapAt: number;
  /** Offset of the first block. */
  readonly heapStart: number;
  /** Offset behind the last block. */
  readonly heapEnd: number;
}

/**
 * Computes the layout of an arena.
 *
 * @param bytes Size of the memory, a multiple of {@linkcode PAGE_BYTES}
 * @param contexts Records in the context table
 * @returns The places
 * @throws {RcuError} `INVALID_SIZE`: if the arena has no room for a heap
 */
export function layoutOf(bytes: number, contexts: number): Layout {
  const bitmapAt = HEADER_BYTES + contexts * CONTEXT_BYTES;
  const heapStart = Math.ceil((bitmapAt + bytes / 128) / 64) * 64;
  if (heapStart + PAGE_BYTES / 4 > bytes) {
    throw new RcuError("INVALID_SIZE", {
      what: "size of an arena",
      value: bytes,
      requirement: `larger, to hold ${contexts} contexts and a heap`,
    });
  }
  return { bytes, contexts, contextsAt: HEADER_BYTES, bitmapAt, heapStart, heapEnd: bytes };
}
