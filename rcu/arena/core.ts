/**
 * The inside of an arena, as one context sees it: the heap, the context table, the list of members.
 *
 * @module
 */

import { RcuError } from "../errors/rcu_error.ts";
import { ArenaExhaustedError, EvictedError } from "../errors/specific_errors.ts";
import { ALLOCATION, BLOCK_STATE } from "../kernel/heap/layouts.ts";
import { CANARY_BYTES, GRAIN, limboOf } from "./block.ts";
import type { Contexts } from "./contexts.ts";
import { checkRequest, type Heap, type SweepReport } from "./heap.ts";
import type { LocalReader } from "./local_reader.ts";
import type { Members } from "./members.ts";
import { blocksIn, checkCanary, Quarantine, releaseAll, writeCanary } from "./quarantine.ts";
import { readStats } from "./stats.ts";

/** How often a sweep looks again at pages in which living contexts are busy. */
const SWEEPS = 1000;

/** What reclaims a domain's deferred blocks, for an arena that has no room: how many it freed. */
export type Reclaim = () => number;

/** One context's attachment to an arena. */
export class ArenaCore {
  /** The readers that were registered by way of this attachment. An array: each wait looks at all. */
  readonly readers: LocalReader[] = [];
  /** What an allocation calls that finds no room, by the offset of the domain. */
  readonly reclaimers: Map<number, Reclaim> = new Map();
  readonly #quarantine: Quarantine | undefined;

  /**
   * @param heap The heap.
   * @param contexts The context table.
   * @param members The list of members.
   * @param token This context's token.
   * @param debug Whether debug mode is on.
   */
  constructor(
    readonly heap: Heap,
    readonly contexts: Contexts,
    readonly members: Members,
    readonly token: number,
    debug: boolean,
  ) {
    if (debug) this.#quarantine = new Quarantine(heap);
  }

  /** Whether a context is gone, this one included. */
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

  /**
   * Takes over what a dead context left in the memory: slabs, blocks half allocated or half freed, its
   * quarantine. What it had deferred, others free after its grace period, as ever. Several contexts
   * may do so at once, and may die half-way.
   */
  adopt(token: number): SweepReport {
    const found = { slabs: 0, reclaimed: 0, quarantined: 0 };
    // It may have died after it added a member, and before it published the block.
    this.members.forEach((offset) => this.heap.publish(offset, token));
    for (let sweep = 0; sweep < SWEEPS; sweep++) {
      const { slabs, reclaimed, quarantined, skipped } = this.heap.sweep(token);
      found.slabs += slabs;
      found.reclaimed += reclaimed;
      found.quarantined += quarantined;
      if (skipped === 0) break;
    }
    return found;
  }

  /** Gives up the slabs that this context owns, since it detaches. */
  abandon(): void {
    while (this.#quarantine?.releaseOldest());
    this.heap.kernel.abandon(this.heap.cache);
  }

  /**
   * Allocates a block; in debug mode with a canary.
   *
   * @param bytes Its size.
   * @param alignment Its alignment.
   * @param zeroed Whether to zero it.
   * @param pending Whether to leave it PENDING, for a block that becomes a member: it is freed if this
   * context dies before it is one.
   * @returns Its offset.
   */
  allocate(bytes: number, alignment: number, zeroed: boolean, pending = false): number {
    checkRequest(bytes, alignment);
    const flags = (zeroed ? ALLOCATION.ZEROED : 0) | (pending ? ALLOCATION.PENDING : 0);
    const wanted = this.#quarantine ? bytes + CANARY_BYTES : bytes;
    const aligned = alignment < GRAIN ? GRAIN : alignment;
    const { heap } = this;
    let block = wanted < 2 ** 32 ? heap.allocate(wanted, bytes, aligned, flags) : 0;
    if (block === 0) {
      block = this.#makeRoom(() => heap.allocate(wanted, bytes, aligned, flags), bytes);
    }
    if (this.#quarantine) writeCanary(heap, block, bytes);
    return block;
  }

  /** Frees a live block. */
  free(offset: number): void {
    if (!this.#quarantine) return this.heap.turn(offset, BLOCK_STATE.FREE);
    const block = this.heap.liveBlock(offset, "free");
    checkCanary(this.heap, block);
    // Before anything is changed, since it throws if it finds damage.
    this.#quarantine.makeRoom(block.footprint);
    this.heap.turn(offset, BLOCK_STATE.QUARANTINED);
    this.#quarantine.add(offset);
  }

  /** Defers a live block: it is freed by {@linkcode reclaim} after grace period `cookie`. */
  defer(limbo: number, offset: number, cookie: number): void {
    if (this.#quarantine) checkCanary(this.heap, this.heap.liveBlock(offset, "defer"));
    this.heap.defer(offset, limbo, cookie);
  }

  /**
   * Frees the deferred blocks of a domain whose grace period is over.
   *
   * @param limbo The domain's limbo record.
   * @param done The newest grace period that is over.
   * @returns How many were freed; how many wait for a later one; and whether another context was freeing
   * some at the moment.
   */
  reclaim(limbo: number, done: number): { freed: number; left: number; busy: boolean } {
    const { kernel, cache } = this.heap;
    const freed = this.#quarantine
      ? this.#reclaimInto(this.#quarantine, limbo, done)
      : kernel.reclaim(cache, limbo, done);
    return { freed, left: kernel.blocksLeft(), busy: kernel.pagesSkipped() > 0 };
  }

  #reclaimInto(quarantine: Quarantine, limbo: number, done: number): number {
    const { kernel, cache } = this.heap;
    for (let freed = 0;; freed++) {
      quarantine.makeRoom(0);
      const block = kernel.takeExpired(cache, limbo, done) >>> 0;
      if (block === 0) return freed;
      quarantine.add(block);
    }
  }

  /** How many blocks of a domain are deferred. Walks the heap. */
  deferredBlocks(limbo: number): number {
    let count = 0;
    for (const { header } of blocksIn(this.heap, BLOCK_STATE.DEFERRED)) {
      if (limboOf(this.heap.u32, header) === limbo) count++;
    }
    return count;
  }

  /** Frees whatever can be freed, a kind of memory at a time, until an allocation succeeds. */
  #makeRoom(allocate: () => number, bytes: number): number {
    for (const free of this.#lastResorts()) {
      if (bytes >= this.heap.geometry.heapEnd) break;
      if (!free()) continue;
      this.heap.kernel.trim(this.heap.cache);
      const block = allocate();
      if (block !== 0) return block;
    }
    const { freeBytes, largestFreeBytes } = readStats(this.heap.u32, this.heap.pages);
    throw new ArenaExhaustedError({
      requested: bytes,
      freeBytes,
      largestFree: largestFreeBytes,
    });
  }

  *#lastResorts(): Generator<() => boolean> {
    yield () => true; // empty slabs
    for (const reclaim of this.reclaimers.values()) yield () => reclaim() > 0;
    if (!this.#quarantine) return;
    for (let more = true; more;) yield () => more = this.#quarantine!.releaseOldest();
    yield () => releaseAll(this.heap);
  }
}
