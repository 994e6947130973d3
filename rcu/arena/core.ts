/**
 * The inside of an arena, as one context sees it: the heap, the lock, the context table, the list of
 * members.
 *
 * @module
 */

import { RcuError } from "../errors/rcu_error.ts";
import { ArenaExhaustedError, EvictedError } from "../errors/specific_errors.ts";
import { BLOCK_HEADER, CANARY_BYTES, GRAIN, sizeOf, State } from "./block.ts";
import type { Contexts } from "./contexts.ts";
import { type ArenaGeometry, HEADER } from "./header.ts";
import { checkRequest, type Heap } from "./heap.ts";
import {
  deferBlock,
  LIMBO,
  registerLimbo,
  shiftWaiting,
  startBatch,
  unregisterLimbo,
  waitCookie,
} from "./limbo.ts";
import { acquire, type LockContext, passOn, release, setInconsistent } from "./lock.ts";
import type { LocalReader } from "./local_reader.ts";
import { isMember, type Members } from "./members.ts";
import { checkCanary, makeRoom, quarantine, releaseOldest } from "./quarantine.ts";
import { repair, type RepairReport } from "./repair.ts";

/** One context's attachment to an arena. */
export class ArenaCore implements LockContext {
  /** What the last repair by this context found, null if it made none. */
  lastRepair: RepairReport | null = null;
  /** The readers that were registered by way of this attachment. An array: each wait looks at all. */
  readonly readers: LocalReader[] = [];

  /**
   * @param i32 The memory as signed words, for atomics.
   * @param geometry Where the parts of the arena lie.
   * @param heap The heap.
   * @param contexts The context table.
   * @param members The list of members.
   * @param token This context's token.
   * @param debug Whether debug mode is on.
   * @param blocking Whether this context may block.
   */
  constructor(
    readonly i32: Int32Array,
    readonly geometry: ArenaGeometry,
    readonly heap: Heap,
    readonly contexts: Contexts,
    readonly members: Members,
    readonly token: number,
    readonly debug: boolean,
    readonly blocking: boolean,
  ) {}

  /** {@inheritDoc LockContext.isGone} */
  isGone(token: number): boolean {
    return token === this.token ? !this.contexts.isAttached() : this.contexts.isGone(token);
  }

  /** Throws unless this context is attached. */
  checkAttached(): void {
    if (!this.contexts.isAttached()) throw new EvictedError({ token: this.token });
  }

  /** Throws if a reader of this attachment would hold up grace periods for ever after its end. */
  refuseWithReaders(): void {
    for (const { label, openSections, isOnline } of this.readers) {
      if (openSections === 0 && !isOnline) continue;
      const state = openSections > 0 ? "inside a section" : "online";
      throw new RcuError("READER_STATE", { action: `close the arena of reader "${label}"`, state });
    }
  }

  /** Takes over what a dead context left in the memory. May be called several times. */
  adopt(token: number): RepairReport | null {
    this.lastRepair = null;
    passOn(this.i32, HEADER.lock.index(0), token);
    this.locked(() => {});
    return this.lastRepair;
  }

  /** Takes the arena's lock; repairs the arena if its last holder died. */
  enter(): void {
    this.checkAttached();
    if (acquire(this.i32, HEADER.lock.index(0), this)) return;
    let repaired = false;
    try {
      this.lastRepair = repair(this.heap);
      repaired = true;
    } finally {
      if (!repaired) release(this.i32, HEADER.lock.index(0), this);
    }
    setInconsistent(this.i32, HEADER.lock.index(0), false);
  }

  /** Releases the arena's lock. */
  leave(): void {
    release(this.i32, HEADER.lock.index(0), this);
  }

  /**
   * Releases the arena's lock after an error. Errors of this package are thrown before anything is
   * changed; after any other (a stack overflow, say) the next holder has to repair.
   */
  leaveAfter(error: unknown): void {
    if (!(error instanceof RcuError)) setInconsistent(this.i32, HEADER.lock.index(0), true);
    this.leave();
  }

  /** Runs a function under the arena's lock. Not for hot paths. */
  locked<T>(action: () => T): T {
    this.enter();
    let result: T;
    try {
      result = action();
    } catch (error) {
      this.leaveAfter(error);
      throw error;
    }
    this.leave();
    return result;
  }

  /** Frees a live block. */
  free(offset: number): void {
    this.enter();
    try {
      const block = this.#ownBlock(offset, "free");
      if (this.debug) {
        checkCanary(this.heap, block);
        makeRoom(this.heap, sizeOf(this.heap.store.u32, block));
      }
      this.#retire(block, this.token);
    } catch (error) {
      this.leaveAfter(error);
      throw error;
    }
    this.leave();
  }

  /**
   * Allocates a block; in debug mode with a canary, and out of the quarantine if need be.
   *
   * @param bytes Its size.
   * @param alignment Its alignment.
   * @param zeroed Whether to zero it.
   * @returns Its offset.
   */
  allocate(bytes: number, alignment: number, zeroed = true): number {
    checkRequest(bytes, alignment);
    const { heap } = this;
    const wanted = this.debug ? bytes + CANARY_BYTES : bytes;
    const aligned = Math.max(alignment, GRAIN);
    let block: number;
    this.enter();
    try {
      block = heap.allocate(wanted, bytes, aligned, this.token, zeroed);
      while (block === 0 && this.debug && releaseOldest(heap)) {
        block = heap.allocate(wanted, bytes, aligned, this.token, zeroed);
      }
      if (block === 0) throw this.#exhausted(bytes);
    } catch (error) {
      this.leaveAfter(error);
      throw error;
    }
    this.leave();
    return block + BLOCK_HEADER;
  }

  /** Adds a limbo record of {@linkcode LIMBO_BYTES} zeroed bytes inside a live block. */
  registerLimbo(limbo: number): void {
    this.locked(() => registerLimbo(this.heap.store, limbo));
  }

  /** Takes an empty limbo record out; its block may be freed then. */
  unregisterLimbo(limbo: number): void {
    this.locked(() => unregisterLimbo(this.heap.store, limbo));
  }

  /** Defers a live block: it is freed by {@linkcode reclaimBatch} after a grace period. */
  pushDeferred(limbo: number, offset: number): void {
    this.enter();
    try {
      const block = this.#ownBlock(offset, "defer");
      if (this.debug) checkCanary(this.heap, block);
      deferBlock(this.heap, block, limbo, this.token);
    } catch (error) {
      this.leaveAfter(error);
      throw error;
    }
    this.leave();
  }

  /**
   * Starts a batch that waits for a grace period, unless one waits already.
   *
   * @param limbo The record.
   * @param startPoll Gives the cookie; called under the lock, after the batch's last block is in: a
   * cookie taken before might be of a grace period that starts before that block was unlinked.
   * @param isThere Whether the record still is; asked under the lock.
   * @returns The cookie of the batch that waits, -1 if no block is deferred.
   */
  startBatch(limbo: number, startPoll: () => number, isThere: () => boolean = always): number {
    return this.locked(() => {
      const { store } = this.heap;
      if (!isThere()) return -1;
      if (waitCookie(store.u32, limbo) < 0) startBatch(store, limbo, startPoll());
      return waitCookie(store.u32, limbo);
    });
  }

  /** How often the arena was repaired, modulo 2^32. A repair starts all batches anew. */
  get repairs(): number {
    return this.locked(() => HEADER.repairs.get(this.heap.store.u32, 0));
  }

  /**
   * Frees at most `max` blocks of the batch whose grace period has passed.
   *
   * @param limbo The record.
   * @param max Most blocks to free: bounds how long the lock is held.
   * @param cookie The grace period that has passed; another batch is left alone.
   * @param isThere Whether the record still is; asked under the lock.
   * @returns How many were freed.
   */
  reclaimBatch(
    limbo: number,
    max: number,
    cookie: number,
    isThere: () => boolean = always,
  ): number {
    return this.locked(() => {
      const { store } = this.heap;
      if (!isThere() || waitCookie(store.u32, limbo) !== cookie) return 0;
      let freed = 0;
      while (freed < max) {
        const block = LIMBO.waitHead.get(store.u32, limbo);
        if (block === 0) break;
        // First, since it throws if it finds damage in the quarantine.
        if (this.debug) makeRoom(this.heap, sizeOf(store.u32, block));
        shiftWaiting(store, limbo);
        this.#retire(block, 0);
        freed++;
      }
      return freed;
    });
  }

  /** The live block at `offset`, which is the caller's to free. */
  #ownBlock(offset: number, action: string): number {
    const block = this.heap.liveBlock(offset, action);
    if (isMember(this.heap.store.u32, block)) {
      throw new RcuError("MEMBER_BLOCK", { action, offset });
    }
    return block;
  }

  /** Makes a block free, through the quarantine in debug mode. */
  #retire(block: number, token: number): void {
    if (this.debug) quarantine(this.heap, block, token);
    else this.heap.release(block, token);
  }

  #exhausted(bytes: number): ArenaExhaustedError {
    const free = HEADER.stateBytes.get(this.heap.store.u32, 0, State.FREE);
    const largest = this.heap.bins.largest();
    return new ArenaExhaustedError({
      requested: bytes,
      freeBytes: free,
      largestFree: largest === 0 ? 0 : largest - BLOCK_HEADER,
    });
  }
}

function always(): boolean {
  return true;
}
