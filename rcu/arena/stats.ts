/**
 * Statistics of an arena.
 *
 * @module
 */

import { rowMinimum, ROWS } from "./bins.ts";
import { State } from "./block.ts";
import { type ArenaGeometry, HEADER } from "./header.ts";
import { blockCount } from "./heap.ts";

/** Blocks of one size class: from `minBytes` up to twice that, headers included. */
export interface ClassStats {
  /** Smallest block of the class in bytes, header of 32 bytes included. */
  readonly minBytes: number;
  /** Blocks allocated. */
  readonly live: number;
  /** Blocks in a limbo list. */
  readonly deferred: number;
  /** Blocks in the quarantine of debug mode. */
  readonly quarantined: number;
  /** Free blocks. */
  readonly free: number;
}

/**
 * State of an arena at one moment. Bytes count whole blocks, with their headers of 32 bytes and
 * what rounding adds, so `liveBytes + deferredBytes + quarantinedBytes + freeBytes` is the heap.
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
  /** Bytes free. */
  readonly freeBytes: number;
  /** Free blocks: with `freeBytes`, a measure of fragmentation. */
  readonly freeBlocks: number;
  /** Largest block that is free, header included. */
  readonly largestFreeBytes: number;
  /** The most bytes that were live or deferred at once. */
  readonly peakBytes: number;
  /** By size class; those with no block are left out. */
  readonly classes: ClassStats[];
}

/** Reads the counters. The caller holds the arena's lock. */
export function readStats(
  u32: Uint32Array,
  geometry: ArenaGeometry,
  largestFreeBytes: number,
): ArenaStats {
  const bytes = (state: number): number => HEADER.stateBytes.get(u32, 0, state);
  const blocks = (state: number): number => {
    let sum = 0;
    for (let row = 0; row < ROWS; row++) sum += u32[blockCount(state, row)]!;
    return sum;
  };
  return {
    bytes: geometry.bytes,
    heapBytes: geometry.heapEnd - geometry.heapStart,
    liveBytes: bytes(State.LIVE),
    liveBlocks: blocks(State.LIVE),
    deferredBytes: bytes(State.DEFERRED),
    deferredBlocks: blocks(State.DEFERRED),
    quarantinedBytes: bytes(State.QUARANTINED),
    freeBytes: bytes(State.FREE),
    freeBlocks: blocks(State.FREE),
    largestFreeBytes,
    peakBytes: HEADER.peak.get(u32, 0),
    classes: readClasses(u32),
  };
}

function readClasses(u32: Uint32Array): ClassStats[] {
  const classes: ClassStats[] = [];
  for (let row = 0; row < ROWS; row++) {
    const blocks = {
      minBytes: rowMinimum(row),
      live: u32[blockCount(State.LIVE, row)]!,
      deferred: u32[blockCount(State.DEFERRED, row)]!,
      quarantined: u32[blockCount(State.QUARANTINED, row)]!,
      free: u32[blockCount(State.FREE, row)]!,
    };
    if (blocks.live + blocks.deferred + blocks.quarantined + blocks.free > 0) classes.push(blocks);
  }
  return classes;
}
