/**
 * A block: a header of 32 bytes, then the payload. Blocks follow one another without a gap, so the
 * headers alone define the heap; everything else (sizes of predecessors, bitmap, bins, lists,
 * counters) derives from them and can be rebuilt.
 *
 * @module
 */

import { defineLayout } from "../layout/layout.ts";

/** Bytes of the smallest block, header included. */
export const MIN_BLOCK = 48;
/** Unit of sizes and of alignment, in bytes. */
export const GRAIN = 16;

/** Byte with which debug mode fills a block after the bytes requested. */
export const CANARY = 0xc5;
/** Canary bytes that a block has at least. */
export const CANARY_BYTES = 8;

/** A block's header. */
export const BLOCK = defineLayout({
  /** Size in bytes, header included; the low four bits are the {@linkcode State}. */
  tag: "u32",
  /** Size of the block before this one, 0 for the first: lets `free` find it. */
  previousSize: "u32",
  /** Bytes requested. */
  requested: "u32",
  /** Token of the context that allocated it. */
  allocatedBy: "u32",
  /** Token of the context that freed it, 0 for none. */
  freedBy: "u32",
  /** Number of the allocation. */
  serial: "u32",
  /** Next block in the bin, the limbo list or the quarantine; 0 at the end. */
  next: "u32",
  /**
   * FREE: previous block in the bin. LIVE: 0, or the mark of a member. DEFERRED: offset of the limbo
   * record. QUARANTINED: `POISON`.
   */
  owner: "u32",
});

/** Bytes of a block's header. */
export const BLOCK_HEADER: number = BLOCK.size;

/** What a block is. */
export const State = {
  /** In a bin. Never beside another free block, except half-way through a change. */
  FREE: 1,
  /** Being allocated: the memory is not yet zeroed and nobody knows the block. */
  PENDING: 2,
  /** Allocated. */
  LIVE: 3,
  /** In a limbo list: unlinked by an updater, but readers may use it until a grace period ends. */
  DEFERRED: 4,
  /** Debug mode: freed and poisoned, not yet reused. */
  QUARANTINED: 5,
  /** No longer a block: merged into a free neighbour. Kept so that a second free is detected. */
  MERGED: 14,
} as const;

/** Names of the states, for reports. */
export const STATE_NAMES: Readonly<Record<number, string>> = {
  [State.FREE]: "free",
  [State.PENDING]: "pending",
  [State.LIVE]: "live",
  [State.DEFERRED]: "deferred",
  [State.QUARANTINED]: "quarantined",
  [State.MERGED]: "merged",
};

/** Size of a block in bytes, header included. */
export function sizeOf(u32: Uint32Array, block: number): number {
  return (BLOCK.tag.get(u32, block) & ~15) >>> 0;
}

/** State of a block, one of {@linkcode State}. */
export function stateOf(u32: Uint32Array, block: number): number {
  return BLOCK.tag.get(u32, block) & 15;
}
