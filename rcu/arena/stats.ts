/**
 * Statistics of an arena.
 *
 * @module
 */

import { BLOCK_STATE, HEAP, HEAP_AT, PAGE_STATE } from "../kernel/heap/layouts.ts";
import { stateOf } from "./block.ts";
import type { Pages } from "./pages.ts";

/**
 * State of an arena. Bytes count whole blocks, with their headers of 32 bytes and what rounding adds,
 * so `liveBytes + deferredBytes + quarantinedBytes + freeBytes + restBytes` is the heap.
 *
 * Other contexts go on while the heap is walked, so the figures are exact only if none does.
 */
export interface ArenaStats {
  /** Size of the memory, with the arena's own tables. */
  readonly bytes: number;
  /** Size of the heap. */
  readonly heapBytes: number;
  /** Bytes in live blocks. */
  readonly liveBytes: number;
  /** Live blocks. */
  readonly liveBlocks: number;
  /** Bytes that wait for a grace period. */
  readonly deferredBytes: number;
  /** Blocks that wait for a grace period. */
  readonly deferredBlocks: number;
  /** Bytes in the quarantine of debug mode. */
  readonly quarantinedBytes: number;
  /** Bytes free: pages that are free, and free blocks. */
  readonly freeBytes: number;
  /** Bytes in slabs that belong to no block. */
  readonly restBytes: number;
  /** Pages that hold blocks or are kept for some: how much of the heap is not free for every size. */
  readonly usedPages: number;
  /** Bytes of a page. */
  readonly pageBytes: number;
  /** Largest block that could be had. */
  readonly largestFreeBytes: number;
  /** How much of the heap was ever used, from its start. */
  readonly peakBytes: number;
  /** By size class; those without pages are left out. The last are blocks with pages of their own. */
  readonly classes: readonly {
    /** Bytes that a block of the class holds. */
    readonly blockBytes: number;
    /** Blocks allocated. */
    readonly live: number;
    /** Blocks that wait for a grace period. */
    readonly deferred: number;
    /** Blocks in the quarantine of debug mode. */
    readonly quarantined: number;
    /** Free blocks, in pages of the class. */
    readonly free: number;
  }[];
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const STATES = ["free", "free", "live", "deferred", "quarantined"] as const;

/** Walks the heap. O(blocks). */
export function readStats(u32: Uint32Array, pages: Pages): ArenaStats {
  const { bytes, heapStart, firstPage, pageBytes } = pages.geometry;
  const sums = { free: 0, live: 0, deferred: 0, quarantined: 0 };
  const classes = new Map<number, Mutable<ArenaStats["classes"][number]>>();
  let usedPages = 0, restBytes = 0, freeRun = 0, longestRun = 0, largestBlock = 0;
  for (const info of pages) {
    const isFree = info.state === PAGE_STATE.FREE || info.state === PAGE_STATE.EMPTY;
    freeRun = isFree ? freeRun + info.pages : 0;
    longestRun = Math.max(longestRun, freeRun);
    if (isFree) {
      sums.free += info.pages * pageBytes;
      continue;
    }
    usedPages += info.pages;
    restBytes += info.pages * pageBytes;
    const row = rowOf(classes, info.state === PAGE_STATE.RUN ? Infinity : info.capacity);
    for (const { header, footprint, capacity } of pages.blocksOf(info)) {
      const state = STATES[stateOf(u32, header) - BLOCK_STATE.FREE] ?? "free";
      sums[state] += footprint;
      restBytes -= footprint;
      row[state]++;
      if (state === "free") largestBlock = Math.max(largestBlock, capacity);
    }
  }
  const sum = (state: "live" | "deferred") =>
    [...classes.values()].reduce((total, row) => total + row[state], 0);
  return {
    bytes,
    heapBytes: bytes - heapStart,
    liveBytes: sums.live,
    liveBlocks: sum("live"),
    deferredBytes: sums.deferred,
    deferredBlocks: sum("deferred"),
    quarantinedBytes: sums.quarantined,
    freeBytes: sums.free,
    restBytes,
    usedPages,
    pageBytes,
    largestFreeBytes: Math.max(longestRun * pageBytes, largestBlock),
    peakBytes: (HEAP.highest.get(u32, HEAP_AT) - firstPage) * pageBytes,
    classes: [...classes.values()].filter((row) => row.blockBytes > 0)
      .sort((a, b) => a.blockBytes - b.blockBytes),
  };
}

function rowOf(
  classes: Map<number, Mutable<ArenaStats["classes"][number]>>,
  bytes: number,
): Mutable<ArenaStats["classes"][number]> {
  const known = classes.get(bytes);
  if (known) return known;
  const row = { blockBytes: bytes, live: 0, deferred: 0, quarantined: 0, free: 0 };
  classes.set(bytes, row);
  return row;
}
