/**
 * The header of an arena, and where its parts lie: the header, the context table, the caches of each
 * context, the records of the pages and two bitmaps of pages, the heap.
 *
 * @module
 */

import { RcuError } from "../errors/rcu_error.ts";
import { CACHE, HEAP, PAGE } from "../kernel/heap/layouts.ts";
import { CONTEXT, REGISTRY } from "../kernel/layouts.ts";
import { aligned, bytes, CACHE_LINE, defineLayout } from "../layout/layout.ts";

/** First word of an arena. */
export const MAGIC = 0x474d4152;
/** Version of this layout; raised by every change to it. */
export const LAYOUT_VERSION = 4;

/** The arena's header. */
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
  /** Token of the next context, alone in its cache line: any context, atomically. */
  nextToken: aligned(CACHE_LINE, "u32"),
  /** The allocator's words, at `HEAP_AT`. */
  heap: aligned(CACHE_LINE, bytes(HEAP.size)),
  /** The list of members: any context, atomically. */
  registry: aligned(CACHE_LINE, bytes(REGISTRY.size)),
});

/** Bytes kept for the header. */
export const HEADER_BYTES = 1024;
/** Contexts that an arena is created for unless told otherwise. */
export const DEFAULT_CONTEXTS = 64;
/** Bytes of a WebAssembly page. */
export const PAGE_BYTES = 65536;
/** The largest arena: one page short of what 32-bit offsets reach. */
export const MAX_ARENA_BYTES = 4294967296 - PAGE_BYTES;

/**
 * From this size on, an arena has pages of 4 KiB; a smaller one has pages of 1 KiB, whose records take
 * a sixteenth of it, but which waste less behind blocks of some KiB.
 */
const LARGE_ARENA_BYTES = 32 << 20;

/** Where the parts of an arena lie, as computed from its size and number of contexts. */
export interface ArenaGeometry {
  /** Size of the memory in bytes. */
  readonly bytes: number;
  /** Records in the context table. */
  readonly contexts: number;
  /** Offset of the context table. */
  readonly contextsAt: number;
  /** Offset of the caches, one for each record of the context table. */
  readonly cachesAt: number;
  /** Logarithm of `pageBytes`. */
  readonly pageShift: number;
  /** Bytes of a page of the heap. */
  readonly pageBytes: number;
  /** Pages in the whole memory. */
  readonly pages: number;
  /** Offset of the records of pages. */
  readonly recordsAt: number;
  /** Offset of the bitmap of pages in use. */
  readonly usedAt: number;
  /** Offset of the bitmap of pages with deferred blocks. */
  readonly deferredAt: number;
  /** First page of the heap. */
  readonly firstPage: number;
  /** Offset of the heap. */
  readonly heapStart: number;
  /** Offset of its end. */
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
  const contextsAt = HEADER_BYTES;
  const cachesAt = contextsAt + contexts * CONTEXT.size;
  const pageShift = bytes < LARGE_ARENA_BYTES ? 10 : 12;
  const pageBytes = 1 << pageShift;
  const pages = bytes / pageBytes;
  const recordsAt = cachesAt + contexts * CACHE.size;
  const usedAt = recordsAt + pages * PAGE.size;
  const deferredAt = usedAt + Math.ceil(pages / 64) * 8;
  const firstPage = Math.ceil((deferredAt + Math.ceil(pages / 64) * 8) / pageBytes);
  const heapStart = firstPage * pageBytes;
  if (heapStart + PAGE_BYTES / 4 > bytes) {
    throw new RcuError("INVALID_SIZE", {
      what: "size of an arena",
      value: bytes,
      requirement: `larger, to hold ${contexts} contexts and a heap`,
    });
  }
  return {
    ...{ bytes, contexts, contextsAt, cachesAt, pageShift, pageBytes, pages },
    ...{ recordsAt, usedAt, deferredAt, firstPage, heapStart, heapEnd: bytes },
  };
}
