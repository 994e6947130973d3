/**
 * Limbo lists: blocks that an updater has unlinked and that readers may still see. A record of
 * {@linkcode LIMBO} inside some live block heads two queues: "next" collects what is
 * deferred now, "wait" is the batch whose grace period has been started. The state DEFERRED in a
 * block's header is the truth; the queues are derived from it, and repair rebuilds them.
 *
 * @module
 */

import { RcuError } from "../errors/rcu_error.ts";
import { defineLayout } from "../layout/layout.ts";
import { BLOCK, BLOCK_HEADER, sizeOf, State } from "./block.ts";
import { HEADER } from "./header.ts";
import type { Heap } from "./heap.ts";
import type { Store } from "./store.ts";

/**
 * A limbo record, all under the arena's lock; it must be zero before it is registered. "next" is the
 * queue of blocks deferred since the last batch was started, "wait" the batch that waits for the
 * grace period of the cookie.
 */
export const LIMBO = defineLayout({
  nextHead: "u32",
  nextTail: "u32",
  waitHead: "u32",
  cookieLow: "u32",
  cookieHigh: "u32",
  /** Blocks in both queues. */
  count: "u32",
  /** Their bytes, headers included. */
  bytes: "u32",
  /** Next registered record. */
  link: "u32",
});

/** Adds a record to the list from which repair rebuilds. */
export function registerLimbo(store: Store, limbo: number): void {
  store.put(LIMBO.link.index(limbo), HEADER.limbos.get(store.u32, 0));
  store.commit(HEADER.limbos.index(0), limbo);
}

/** Takes an empty record out. */
export function unregisterLimbo(store: Store, limbo: number): void {
  const { u32 } = store;
  if (LIMBO.count.get(u32, limbo) !== 0) {
    throw new RcuError("LIMBO_RECORD", { limbo, reason: "blocks are still deferred in it" });
  }
  let link = HEADER.limbos.index(0);
  while (u32[link] !== limbo) {
    if (u32[link] === 0) {
      throw new RcuError("LIMBO_RECORD", { limbo, reason: "it is not registered" });
    }
    link = LIMBO.link.index(u32[link]!);
  }
  store.commit(link, LIMBO.link.get(u32, limbo));
}

/** Lists the registered records. */
export function limbos(u32: Uint32Array): number[] {
  const found: number[] = [];
  for (let limbo = HEADER.limbos.get(u32, 0); limbo !== 0; limbo = LIMBO.link.get(u32, limbo)) {
    found.push(limbo);
  }
  return found;
}

/** Turns a live block into a deferred one at the end of the record's "next" queue. O(1). */
export function deferBlock(heap: Heap, block: number, limbo: number, token: number): void {
  const { store } = heap;
  store.put(BLOCK.owner.index(block), limbo);
  store.put(BLOCK.freedBy.index(block), token);
  heap.turn(block, State.DEFERRED);
  appendDeferred(heap, block, limbo);
}

/** Appends a block whose header says DEFERRED to the "next" queue of its record. */
export function appendDeferred(heap: Heap, block: number, limbo: number): void {
  const { store } = heap;
  const { u32 } = store;
  const tail = LIMBO.nextTail.get(u32, limbo);
  store.put(BLOCK.next.index(block), 0);
  store.put(tail === 0 ? LIMBO.nextHead.index(limbo) : BLOCK.next.index(tail), block);
  store.put(LIMBO.nextTail.index(limbo), block);
  store.put(LIMBO.count.index(limbo), LIMBO.count.get(u32, limbo) + 1);
  store.put(LIMBO.bytes.index(limbo), (LIMBO.bytes.get(u32, limbo) + sizeOf(u32, block)) >>> 0);
}

/**
 * Starts a batch: moves "next" to "wait", if "wait" is empty and "next" is not.
 *
 * @param store Where the arena lies.
 * @param limbo The record.
 * @param cookie The grace period to wait for, an integer below 2^53.
 * @returns Whether a batch was started.
 */
export function startBatch(store: Store, limbo: number, cookie: number): boolean {
  const { u32 } = store;
  const head = LIMBO.nextHead.get(u32, limbo);
  if (head === 0 || LIMBO.waitHead.get(u32, limbo) !== 0) return false;
  store.put(LIMBO.cookieLow.index(limbo), cookie >>> 0);
  store.put(LIMBO.cookieHigh.index(limbo), Math.floor(cookie / 2 ** 32));
  store.put(LIMBO.waitHead.index(limbo), head);
  store.put(LIMBO.nextHead.index(limbo), 0);
  store.put(LIMBO.nextTail.index(limbo), 0);
  return true;
}

/** Cookie of the batch that waits, -1 if none does. */
export function waitCookie(u32: Uint32Array, limbo: number): number {
  if (LIMBO.waitHead.get(u32, limbo) === 0) return -1;
  return LIMBO.cookieHigh.get(u32, limbo) * 2 ** 32 + LIMBO.cookieLow.get(u32, limbo);
}

/**
 * Takes the first block out of "wait"; it stays DEFERRED until the caller frees it.
 *
 * @returns The block's header, 0 if the queue is empty.
 */
export function shiftWaiting(store: Store, limbo: number): number {
  const { u32 } = store;
  const block = LIMBO.waitHead.get(u32, limbo);
  if (block === 0) return 0;
  store.put(LIMBO.waitHead.index(limbo), BLOCK.next.get(u32, block));
  store.put(LIMBO.count.index(limbo), LIMBO.count.get(u32, limbo) - 1);
  store.put(LIMBO.bytes.index(limbo), LIMBO.bytes.get(u32, limbo) - sizeOf(u32, block));
  return block;
}

/** Payload offsets of a record's blocks: those that wait, then the rest. */
export function deferredBlocks(u32: Uint32Array, limbo: number): number[] {
  const found: number[] = [];
  for (const head of [LIMBO.waitHead, LIMBO.nextHead]) {
    for (let block = head.get(u32, limbo); block !== 0; block = BLOCK.next.get(u32, block)) {
      found.push(block + BLOCK_HEADER);
    }
  }
  return found;
}
