/**
 * What debug mode does to blocks: canary bytes after the payload, poison in freed blocks, and a
 * quarantine that keeps freed blocks from being reused for a while.
 *
 * @module
 */

import { RcuError } from "../errors/rcu_error.ts";
import { UseAfterFreeError } from "../errors/specific_errors.ts";
import { BLOCK, BLOCK_HEADER, CANARY, sizeOf, State, stateOf } from "./block.ts";
import { HEADER } from "./header.ts";
import type { Heap } from "./heap.ts";

/** Word that fills freed blocks. No multiple of 16 and no small number, so it makes a bad pointer. */
export const POISON = 0xdeadbeef;
/** The quarantine holds at most this part of the arena: a sixteenth. */
const QUARANTINE_SHARE = 16;

/** First byte of a block's canary that was overwritten, 0 if none was. */
export function damagedCanary(heap: Heap, block: number): number {
  const { u32, u8 } = heap.store;
  const end = block + sizeOf(u32, block);
  for (let byte = block + BLOCK_HEADER + BLOCK.requested.get(u32, block); byte < end; byte++) {
    if (u8[byte] !== CANARY) return byte;
  }
  return 0;
}

/** Throws if a live block's canary was overwritten. */
export function checkCanary(heap: Heap, block: number): void {
  const byte = damagedCanary(heap, block);
  if (byte !== 0) {
    throw new RcuError("CANARY_OVERWRITTEN", { offset: byte, history: heap.history(block) });
  }
}

/** First byte of a freed block that is no longer poison, or 0. */
export function damagedPoison(heap: Heap, block: number): number {
  const { u32 } = heap.store;
  const end = (block + sizeOf(u32, block)) / 4;
  for (let word = (block + BLOCK_HEADER) / 4; word < end; word++) {
    if (u32[word] !== POISON) return word * 4;
  }
  return 0;
}

/** Poisons a block and puts it at the end of the quarantine. */
export function quarantine(heap: Heap, block: number, token: number): void {
  const { store } = heap;
  if (token !== 0) store.put(BLOCK.freedBy.index(block), token);
  // Before it is poisoned: a block must not be live with its contents gone.
  heap.turn(block, State.QUARANTINED);
  poison(heap, block);
  appendQuarantined(heap, block);
}

/** Poisons a block that is in quarantine, and notes in its header that it is. */
function poison(heap: Heap, block: number): void {
  const { store } = heap;
  store.fill(block + BLOCK_HEADER, block + sizeOf(store.u32, block), POISON);
  store.put(BLOCK.owner.index(block), POISON);
}

/** Queues a block whose header says QUARANTINED, poisoned or not: the context that freed it died. */
export function requeueQuarantined(heap: Heap, block: number): void {
  if (BLOCK.owner.get(heap.store.u32, block) !== POISON) poison(heap, block);
  appendQuarantined(heap, block);
}

/** Appends a block whose header says QUARANTINED to the queue. */
function appendQuarantined(heap: Heap, block: number): void {
  const { store } = heap;
  const tail = HEADER.quarantineTail.get(store.u32, 0);
  store.put(BLOCK.next.index(block), 0);
  store.put(tail === 0 ? HEADER.quarantineHead.index(0) : BLOCK.next.index(tail), block);
  store.put(HEADER.quarantineTail.index(0), block);
}

/** Frees the oldest block in quarantine. @returns Whether there was one. */
export function releaseOldest(heap: Heap): boolean {
  const { store } = heap;
  const block = HEADER.quarantineHead.get(store.u32, 0);
  if (block === 0) return false;
  checkOldest(heap);
  const next = BLOCK.next.get(store.u32, block);
  store.put(HEADER.quarantineHead.index(0), next);
  if (next === 0) store.put(HEADER.quarantineTail.index(0), 0);
  heap.release(block, 0);
  return true;
}

/** Frees blocks from the quarantine until `bytes` more fit into its share of the arena. */
export function makeRoom(heap: Heap, bytes: number): void {
  const limit = heap.geometry.bytes / QUARANTINE_SHARE;
  while (HEADER.stateBytes.get(heap.store.u32, 0, State.QUARANTINED) + bytes > limit) {
    if (!releaseOldest(heap)) return;
  }
}

/**
 * Throws if the oldest block in quarantine was written to after it was freed. It is poisoned again
 * before, so that each such write is reported once.
 */
function checkOldest(heap: Heap): void {
  const block = HEADER.quarantineHead.get(heap.store.u32, 0);
  const byte = damagedPoison(heap, block);
  if (byte === 0) return;
  const error = new UseAfterFreeError({
    access: "earlier store",
    offset: byte,
    history: heap.history(block),
  });
  poison(heap, block);
  throw error;
}

/** Throws at the first block whose canary or whose poison was overwritten. */
export function checkBlocks(heap: Heap): void {
  const { geometry, store } = heap;
  for (
    let block = geometry.heapStart;
    block < geometry.heapEnd;
    block += sizeOf(store.u32, block)
  ) {
    const state = stateOf(store.u32, block);
    if (state === State.LIVE || state === State.DEFERRED) checkCanary(heap, block);
    if (state !== State.QUARANTINED) continue;
    const byte = damagedPoison(heap, block);
    if (byte !== 0) {
      throw new UseAfterFreeError({
        access: "earlier store",
        offset: byte,
        history: heap.history(block),
      });
    }
  }
}
