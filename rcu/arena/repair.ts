/**
 * Repair and verification: both walk the blocks from the first to the last, which is possible at
 * every moment, and compare everything else with what the walk finds; repair rebuilds it.
 *
 * @module
 */

import { RcuError } from "../errors/rcu_error.ts";
import { binOf, rowOf, ROWS } from "./bins.ts";
import { BLOCK, GRAIN, MIN_BLOCK, sizeOf, State, STATE_NAMES, stateOf } from "./block.ts";
import { HEADER } from "./header.ts";
import { blockCount, type Heap } from "./heap.ts";
import { appendDeferred, LIMBO, limbos } from "./limbo.ts";
import { requeueQuarantined } from "./quarantine.ts";

/** What a repair found. */
export interface RepairReport {
  /** Blocks in the heap afterwards, free ones included. */
  readonly blocks: number;
  /** Blocks that were half-way through an allocation, now free. */
  readonly reclaimed: number;
  /** Blocks that are deferred; all wait for a grace period to be started anew. */
  readonly deferred: number;
}

/** Size of the block at `block`, once it is known to be a block. */
function checkedSize(heap: Heap, block: number): number {
  const { u32 } = heap.store;
  const size = sizeOf(u32, block);
  const state = stateOf(u32, block);
  const valid = size >= MIN_BLOCK && block + size <= heap.geometry.heapEnd && size % GRAIN === 0 &&
    state >= State.FREE && state <= State.QUARANTINED;
  if (!valid) {
    throw new RcuError("ARENA_CORRUPT", {
      offset: block,
      reason: `block with size ${size} and state ${STATE_NAMES[state] ?? state}`,
    });
  }
  return size;
}

/**
 * Rebuilds everything that is derived from the blocks' headers. Blocks that were being allocated
 * become free, free neighbours are merged, deferred blocks go back to their records' "next" queues
 * in the order of their addresses. May itself be interrupted at any store and be run again.
 *
 * @param heap The heap; the caller holds the arena's lock.
 * @returns What was found.
 * @throws {RcuError} `ARENA_CORRUPT` if a header is not one that the allocator writes; nothing is
 * changed.
 */
export function repair(heap: Heap): RepairReport {
  const { store, geometry } = heap;
  const { u32 } = store;
  for (let block = geometry.heapStart; block < geometry.heapEnd;) block += checkedSize(heap, block);
  resetDerived(heap);
  const records = new Set(limbos(u32));
  let blocks = 0, reclaimed = 0, deferred = 0, previousSize = 0;
  for (let block = geometry.heapStart; block < geometry.heapEnd;) {
    if (stateOf(u32, block) === State.PENDING) {
      store.commit(BLOCK.tag.index(block), (sizeOf(u32, block) + State.FREE) >>> 0);
      reclaimed++;
    }
    const size = mergeRun(heap, block);
    store.put(BLOCK.previousSize.index(block), previousSize);
    heap.starts.set(block);
    const state = stateOf(u32, block);
    heap.count(state, size, 1);
    if (state === State.FREE) heap.bins.insert(block);
    const owner = BLOCK.owner.get(u32, block);
    if (state === State.DEFERRED && records.has(owner)) {
      appendDeferred(heap, block, owner);
      deferred++;
    }
    if (state === State.QUARANTINED) requeueQuarantined(heap, block);
    previousSize = size;
    blocks++;
    block += size;
  }
  return { blocks, reclaimed, deferred };
}

/** Merges into a free block the free and half-allocated blocks that follow; returns its size. */
function mergeRun(heap: Heap, block: number): number {
  const { store, geometry } = heap;
  const { u32 } = store;
  let size = sizeOf(u32, block);
  if (stateOf(u32, block) !== State.FREE) return size;
  for (let next = block + size; next < geometry.heapEnd; next = block + size) {
    const state = stateOf(u32, next);
    if (state !== State.FREE && state !== State.PENDING) break;
    const swallowed = sizeOf(u32, next);
    size += swallowed;
    store.commit(BLOCK.tag.index(block), (size + State.FREE) >>> 0);
    store.put(BLOCK.tag.index(next), (swallowed + State.MERGED) >>> 0);
  }
  return size;
}

/** Empties bitmap, bins, counters, quarantine and limbo queues. */
function resetDerived(heap: Heap): void {
  const { store } = heap;
  store.put(HEADER.repairs.index(0), (HEADER.repairs.get(store.u32, 0) + 1) >>> 0);
  heap.starts.reset();
  heap.bins.reset();
  store.fill(HEADER.stateBytes.at(0), HEADER.rowMap.at(0), 0);
  store.put(HEADER.quarantineHead.index(0), 0);
  store.put(HEADER.quarantineTail.index(0), 0);
  for (const limbo of limbos(store.u32)) store.fill(limbo, LIMBO.link.at(limbo), 0);
}

/** Throws `ARENA_CORRUPT` unless a condition holds. */
function expect(holds: boolean, offset: number, reason: string): void {
  if (!holds) throw new RcuError("ARENA_CORRUPT", { offset, reason });
}

/**
 * Checks every invariant of the heap: blocks, bitmap, bins, counters, queues.
 *
 * @param heap The heap; the caller holds the arena's lock.
 * @throws {RcuError} `ARENA_CORRUPT`: at the first that does not hold.
 */
export function verify(heap: Heap): void {
  const { store, geometry } = heap;
  const { u32 } = store;
  const bytes = new Map<number, number>();
  const counts = new Map<number, number>();
  const inState = new Map<number, Set<number>>();
  for (const state of Object.values(State)) inState.set(state, new Set());
  let previousSize = 0, previousState = 0, starts = 0;
  for (let block = geometry.heapStart; block < geometry.heapEnd;) {
    const size = checkedSize(heap, block);
    const state = stateOf(u32, block);
    expect(state !== State.PENDING, block, "a block is pending");
    expect(
      BLOCK.previousSize.get(u32, block) === previousSize,
      block,
      "the previous size is wrong",
    );
    expect(heap.starts.has(block), block, "the bitmap misses a block");
    expect(
      state !== State.FREE || previousState !== State.FREE,
      block,
      "two free blocks side by side",
    );
    bytes.set(state, (bytes.get(state) ?? 0) + size);
    const counter = blockCount(state, rowOf(size));
    counts.set(counter, (counts.get(counter) ?? 0) + 1);
    inState.get(state)!.add(block);
    previousSize = size;
    previousState = state;
    starts++;
    block += size;
  }
  expect(starts === marks(heap), geometry.bitmapAt, "the bitmap has marks where no block starts");
  for (let word = HEADER.stateBytes.index(0); word < HEADER.stateBlocks.index(0); word++) {
    expect(
      u32[word] === (bytes.get(word - HEADER.stateBytes.index(0)) ?? 0),
      word * 4,
      "a byte counter is wrong",
    );
  }
  for (let word = HEADER.stateBlocks.index(0); word < HEADER.rowMap.index(0); word++) {
    expect(u32[word] === (counts.get(word) ?? 0), word * 4, "a block counter is wrong");
  }
  verifyBins(heap, inState.get(State.FREE)!);
  verifyQueues(heap, inState.get(State.DEFERRED)!, inState.get(State.QUARANTINED)!);
}

/** Number of bits set in the bitmap. */
function marks(heap: Heap): number {
  const { u32 } = heap.store;
  let found = 0;
  for (
    let word = heap.geometry.bitmapAt / 4;
    word < (heap.geometry.bitmapAt + heap.geometry.bytes / 128) / 4;
    word++
  ) {
    for (let bits = u32[word]!; bits !== 0; bits &= bits - 1) found++;
  }
  return found;
}

function verifyBins(heap: Heap, free: Set<number>): void {
  const { u32 } = heap.store;
  let found = 0;
  for (let bin = 0; bin < ROWS * 8; bin++) {
    const marked = ((HEADER.binMaps.get(u32, 0, bin >>> 3) >>> (bin & 7)) & 1) !== 0;
    expect(marked === (heap.bins.head(bin) !== 0), bin, "the map of bins is wrong");
    let previous = 0;
    for (let block = heap.bins.head(bin); block !== 0; block = BLOCK.next.get(u32, block)) {
      expect(free.has(block), block, "a bin holds a block that is not free");
      expect(binOf(sizeOf(u32, block) >>> 4) === bin, block, "a block is in the wrong bin");
      expect(BLOCK.owner.get(u32, block) === previous, block, "a bin's back link is wrong");
      previous = block;
      expect(++found <= free.size, block, "a bin runs in a circle");
    }
  }
  for (let row = 0; row < ROWS; row++) {
    const marked = ((HEADER.rowMap.get(u32, 0) >>> row) & 1) !== 0;
    expect(marked === (HEADER.binMaps.get(u32, 0, row) !== 0), row, "the map of rows is wrong");
  }
  expect(found === free.size, 0, "a free block is in no bin");
}

function verifyQueues(heap: Heap, deferred: Set<number>, quarantined: Set<number>): void {
  const { u32 } = heap.store;
  const queue = (head: number, of: Set<number>, what: string): number => {
    let length = 0;
    for (let block = head; block !== 0; block = BLOCK.next.get(u32, block)) {
      expect(of.has(block), block, `${what} holds a block that does not belong there`);
      expect(++length <= of.size, block, `${what} runs in a circle`);
    }
    return length;
  };
  expect(
    queue(HEADER.quarantineHead.get(u32, 0), quarantined, "the quarantine") === quarantined.size,
    0,
    "a quarantined block is not in the queue",
  );
  let listed = 0;
  for (const limbo of limbos(u32)) {
    const length = queue(LIMBO.nextHead.get(u32, limbo), deferred, "a limbo record") +
      queue(LIMBO.waitHead.get(u32, limbo), deferred, "a limbo record");
    expect(length === LIMBO.count.get(u32, limbo), limbo, "the count of a limbo record is wrong");
    listed += length;
  }
  expect(listed === deferred.size, 0, "a deferred block is in no limbo record");
}
