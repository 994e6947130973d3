/**
 * The header of an arena, and where its parts lie: the header,
 * the context table, a bitmap with one bit for each 16 bytes (set where a block starts), the heap.
 *
 * @module
 */

import { RcuError } from "../errors/rcu_error.ts";
import { CONTEXT, REGISTRY } from "../kernel/layouts.ts";
import { aligned, array, bytes, CACHE_LINE, defineLayout } from "../layout/layout.ts";

/** First word of an arena. */
export const MAGIC = 0x474d4152;
/** Version of this layout; raised by every change to it. */
export const LAYOUT_VERSION = 3;

/** Words kept for the rows of each block state; `bins.ts` uses the first of them. */
export const STATE_ROWS = 28;

/**
 * The arena's header. "The lock" is the word `lock`; a word written under it is read under it, so the
 * lock's acquire and release order plain accesses.
 */
export const HEADER = defineLayout({
  /** Written last by the creator, read by `attach`. */
  magic: "u32",
  version: "u32",
  /** Random number of the arena. */
  idLow: "u32",
  idHigh: "u32",
  bytes: "u32",
  contexts: "u32",
  debug: "u32",
  /** How often the arena was repaired: under the lock. */
  repairs: "u32",
  /** Number of the next allocation: under the lock. */
  serial: aligned(32, "u32"),
  /** Most bytes ever in use: under the lock. */
  peak: "u32",
  /** Head of the list of limbo records: under the lock. */
  limbos: "u32",
  /** Quarantine of debug mode, a queue of blocks: under the lock. */
  quarantineHead: "u32",
  quarantineTail: "u32",
  /** Lock word, alone in its cache line: any context, atomically. */
  lock: aligned(2 * CACHE_LINE, "u32"),
  /** Token of the next context, alone in its cache line: any context, atomically. */
  nextToken: aligned(CACHE_LINE, "u32"),
  /** The list of members: any context, atomically. */
  registry: aligned(CACHE_LINE, bytes(REGISTRY.size)),
  /** Bytes by block state, then blocks by state and row: under the lock. */
  stateBytes: aligned(CACHE_LINE, array("u32", 8)),
  stateBlocks: array("u32", 5 * STATE_ROWS),
  /** Map of rows that are not empty, maps of bins for each row, heads of the bins: under the lock. */
  rowMap: "u32",
  binMaps: array("u32", STATE_ROWS),
  bins: array("u32", 26 * 8),
});

/** Bytes kept for the header. */
export const HEADER_BYTES = 2560;
/** Contexts that an arena is created for unless told otherwise. */
export const DEFAULT_CONTEXTS = 64;
/** Bytes of a WebAssembly page. */
export const PAGE_BYTES = 65536;
/** The largest arena: one page short of what 32-bit offsets reach. */
export const MAX_ARENA_BYTES = 4294967296 - PAGE_BYTES;

/** Where the parts of an arena lie, as computed from its size and number of contexts. */
export interface ArenaGeometry {
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
  /** Offset past the last block. */
  readonly heapEnd: number;
}

/**
 * Computes where the parts of an arena lie.
 *
 * @param bytes Size of the memory, a multiple of {@linkcode PAGE_BYTES}.
 * @param contexts Records in the context table.
 * @returns Their offsets.
 * @throws {RcuError} `INVALID_SIZE` if the arena has no room for a heap.
 */
export function geometryOf(bytes: number, contexts: number): ArenaGeometry {
  const bitmapAt = HEADER_BYTES + contexts * CONTEXT.size;
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
