/**
 * Blocks: their headers, as the kernel writes them, and what debug mode writes behind them.
 *
 * @module
 */

import { BLOCK, BLOCK_STATE } from "../kernel/heap/layouts.ts";

/** Unit of sizes and of alignment, in bytes. */
export const GRAIN = 16;
/** Byte with which debug mode fills a block after the bytes requested. */
export const CANARY = 0xc5;
/** Canary bytes that a block has at least. */
export const CANARY_BYTES = 8;
/** Word that fills freed blocks. No multiple of 16 and no small number, so it makes a bad pointer. */
export const POISON = 0xdeadbeef;

/** Names of the states, for reports. */
export const STATE_NAMES: Readonly<Record<number, string>> = {
  [BLOCK_STATE.FREE]: "free",
  [BLOCK_STATE.PENDING]: "pending",
  [BLOCK_STATE.LIVE]: "live",
  [BLOCK_STATE.DEFERRED]: "deferred",
  [BLOCK_STATE.QUARANTINED]: "quarantined",
};

/** State of a block, one of `BLOCK_STATE`, from its header. */
export function stateOf(u32: Uint32Array, header: number): number {
  return Atomics.load(u32, BLOCK.tag.index(header)) & 15;
}

/** Address of the limbo record of a deferred block's domain. */
export function limboOf(u32: Uint32Array, header: number): number {
  return (Atomics.load(u32, BLOCK.tag.index(header)) & ~15) >>> 0;
}
