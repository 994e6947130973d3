/**
 * The WebAssembly kernel of the allocator.
 *
 * @module
 */

import { kernelLoader } from "../loader.ts";
import { KERNEL_BASE64 } from "./bytes.ts";

/**
 * The functions of the kernel, over the memory of one arena. `context` is the address of the caller's
 * caches, a `CACHE`; offsets beyond 2^31 come back negative, so callers apply `>>> 0`. Results called
 * an outcome are one of `OUTCOME`.
 */
export interface HeapKernel {
  /**
   * Allocates a block of at least `bytes` bytes, and records `requested`. `flags` are of `ALLOCATION`.
   * The block's offset, or an outcome: DONE if there is no room.
   */
  allocate(
    context: number,
    bytes: number,
    requested: number,
    alignment: number,
    flags: number,
  ): number;
  /** Makes a PENDING block of the context `token` LIVE. An outcome. */
  publish(block: number, token: number): number;
  /** Frees a live block. An outcome. */
  free(context: number, block: number): number;
  /** Gives a live block another state of `BLOCK_STATE`: FREE or QUARANTINED. An outcome. */
  turn(context: number, block: number, state: number): number;
  /** Frees a block in quarantine; 1 if it was there, else 0. */
  release(context: number, block: number): number;
  /** The header of the block that starts at an offset, or 0. */
  headerOf(block: number): number;
  /** Defers a live block of the domain whose limbo record is `limbo` until a grace period. An outcome. */
  defer(context: number, block: number, limbo: number, cookie: number): number;
  /** Frees the domain's blocks whose grace period is `done` or an earlier one; how many. */
  reclaim(context: number, limbo: number, done: number): number;
  /** Takes one such block into the caller's quarantine: its offset, or 0. */
  takeExpired(context: number, limbo: number, done: number): number;
  /** Blocks of the domain that the last `reclaim` or `takeExpired` found and left. */
  blocksLeft(): number;
  /** Pages that the last `reclaim`, `takeExpired` or `sweep` left to another context, which is busy there. */
  pagesSkipped(): number;
  /** Frees the pages of empty slabs, whoever owns them; how many. */
  trim(context: number): number;
  /** Gives up the caller's slabs: it detaches. */
  abandon(context: number): void;
  /** Sweeps up after the context `dead`, which has stopped: pages skipped. One context at a time. */
  sweep(context: number, dead: number): number;
  /** Slabs that the last sweep gave up for others. */
  slabsSwept(): number;
  /** Blocks whose allocation was cut short, which the last sweep freed. */
  pendingSwept(): number;
  /** Blocks in quarantine that the last sweep freed. */
  quarantinedSwept(): number;
}

/** The kernel over the memory of an arena, instantiated once in each context. */
export const instantiateHeapKernel: (memory: WebAssembly.Memory) => HeapKernel = kernelLoader(
  KERNEL_BASE64,
);
