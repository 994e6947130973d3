/**
 * Limbo lists: blocks that an updater has unlinked and that readers may still see. A record of
 * {@linkcode LIMBO_BYTES} bytes inside some live block heads two queues: "next" collects what is
 * deferred now, "wait" is the batch whose grace period has been started. The state DEFERRED in a
 * block's header is the truth; the queues are derived from it, and repair rebuilds them.
 *
 * @module
 */

import { RcuError } from "../errors/rcu_error.ts";
import { at, BLOCK_HEADER, Field, sizeOf, State } from "./block.ts";
import type { Heap } from "./heap.ts";
import { Word } from "./layout.ts";
import type { Store } from "./store.ts";

/** Bytes of a limbo record; it must be zero before it is registered. */
export const LIMBO_BYTES = 32;

/** Words of a limbo record, all under the arena's lock. */
export const Limbo = {
  /** Queue of blocks deferred since the last batch was started. */
  NEXT_HEAD: 0,
  NEXT_TAIL: 1,
  /** Queue of blocks that wait for the grace period of the cookie. */
  WAIT_HEAD: 2,
  /** Cookie of that grace period, low and high 32 bits. */
  COOKIE_LOW: 3,
  COOKIE_HIGH: 4,
  /** Blocks and bytes (headers included) in both queues. */
  COUNT: 5,
  BYTES: 6,
  /** Next registered record. */
  LINK: 7,
} as const;

/** Adds a record to those that repair rebuilds. */
export function registerLimbo(store: Store, limbo: number): void {
  store.put(limbo / 4 + Limbo.LINK, store.u32[Word.LIMBOS]!);
  store.commit(Word.LIMBOS, limbo);
}

/** Takes an empty record out. */
export function unregisterLimbo(store: Store, limbo: number): void {
  const { u32 } = store;
  if (u32[limbo / 4 + Limbo.COUNT] !== 0) {
    throw new RcuError("LIMBO_RECORD", { limbo, reason: "blocks are still deferred in it" });
  }
  let link: number = Word.LIMBOS;
  while (u32[link] !== limbo) {
    if (u32[link] === 0) {
      throw new RcuError("LIMBO_RECORD", { limbo, reason: "it is not registered" });
    }
    link = u32[link]! / 4 + Limbo.LINK;
  }
  store.commit(link, u32[limbo / 4 + Limbo.LINK]!);
}

/** Lists the registered records. */
export function limbos(u32: Uint32Array): number[] {
  const found: number[] = [];
  for (let limbo = u32[Word.LIMBOS]!; limbo !== 0; limbo = u32[limbo / 4 + Limbo.LINK]!) {
    found.push(limbo);
  }
  return found;
}

/** Turns a live block into a deferred one at the end of the record's "next" queue. O(1). */
export function deferBlock(heap: Heap, block: number, limbo: number, token: number): void {
  const { store } = heap;
  store.put(at(block, Field.OWNER), limbo);
  store.put(at(block, Field.FREED_BY), token);
  heap.turn(block, State.DEFERRED);
  appendDeferred(heap, block, limbo);
}

/** Appends a block whose header says DEFERRED to the "next" queue of its record. */
export function appendDeferred(heap: Heap, block: number, limbo: number): void {
  const { store } = heap;
  const { u32 } = store;
  const record = limbo / 4;
  const tail = u32[record + Limbo.NEXT_TAIL]!;
  store.put(at(block, Field.NEXT), 0);
  store.put(tail === 0 ? record + Limbo.NEXT_HEAD : at(tail, Field.NEXT), block);
  store.put(record + Limbo.NEXT_TAIL, block);
  store.put(record + Limbo.COUNT, u32[record + Limbo.COUNT]! + 1);
  store.put(record + Limbo.BYTES, (u32[record + Limbo.BYTES]! + sizeOf(u32, block)) >>> 0);
}

/**
 * Starts a batch: moves "next" to "wait", if "wait" is empty and "next" is not.
 *
 * @param store Where the arena lies
 * @param limbo The record
 * @param cookie The grace period to wait for, an integer below 2^53
 * @returns Whether a batch was started
 */
export function startBatch(store: Store, limbo: number, cookie: number): boolean {
  const { u32 } = store;
  const record = limbo / 4;
  const head = u32[record + Limbo.NEXT_HEAD]!;
  if (head === 0 || u32[record + Limbo.WAIT_HEAD] !== 0) return false;
  store.put(record + Limbo.COOKIE_LOW, cookie >>> 0);
  store.put(record + Limbo.COOKIE_HIGH, Math.floor(cookie / 2 ** 32));
  store.put(record + Limbo.WAIT_HEAD, head);
  store.put(record + Limbo.NEXT_HEAD, 0);
  store.put(record + Limbo.NEXT_TAIL, 0);
  return true;
}

/** Cookie of the batch that waits, -1 if none does. */
export function waitCookie(u32: Uint32Array, limbo: number): number {
  const record = limbo / 4;
  if (u32[record + Limbo.WAIT_HEAD] === 0) return -1;
  return u32[record + Limbo.COOKIE_HIGH]! * 2 ** 32 + u32[record + Limbo.COOKIE_LOW]!;
}

/**
 * Takes the first block out of "wait"; it stays DEFERRED until the caller frees it.
 *
 * @returns The block's header, 0 if the queue is empty
 */
export function shiftWaiting(store: Store, limbo: number): number {
  const { u32 } = store;
  const record = limbo / 4;
  const block = u32[record + Limbo.WAIT_HEAD]!;
  if (block === 0) return 0;
  store.put(record + Limbo.WAIT_HEAD, u32[at(block, Field.NEXT)]!);
  store.put(record + Limbo.COUNT, u32[record + Limbo.COUNT]! - 1);
  store.put(record + Limbo.BYTES, u32[record + Limbo.BYTES]! - sizeOf(u32, block));
  return block;
}

/** Payload offsets of a record's blocks: those that wait, then the rest. */
export function deferredBlocks(u32: Uint32Array, limbo: number): number[] {
  const found: number[] = [];
  for (const queue of [Limbo.WAIT_HEAD, Limbo.NEXT_HEAD]) {
    for (let block = u32[limbo / 4 + queue]!; block !== 0; block = u32[at(block, Field.NEXT)]!) {
      found.push(block + BLOCK_HEADER);
    }
  }
  return found;
}
