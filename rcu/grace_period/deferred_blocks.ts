/**
 * The blocks of a domain that wait for a grace period. They lie in the arena, so any context can free
 * them, even after the one that deferred them is gone.
 *
 * @module
 */

import { type Arena, coreOf } from "../arena/arena.ts";
import type { ArenaCore } from "../arena/core.ts";
import { LIMBO } from "../kernel/heap/layouts.ts";
import { DOMAIN } from "../kernel/layouts.ts";
import type { Driver } from "./driver.ts";

/** After this many deferrals, a context checks whether blocks can be freed. */
const LOOK_EVERY = 64;

/** One domain's deferred blocks, as one context sees them. */
export class DeferredBlocks {
  readonly #core: ArenaCore;
  readonly #u32: Uint32Array;
  readonly #driver: Driver;
  readonly #limbo: number;
  readonly #maxCount: number;
  readonly #maxBytes: number;
  #deferred = 0;
  /** The cookie of the last block that this context deferred. */
  #newest = 0;
  #busy = false;

  /**
   * @param arena The arena, as this context attached to it.
   * @param domain The domain's block.
   * @param driver Waits for the domain's grace periods.
   */
  constructor(arena: Arena, domain: number, driver: Driver) {
    this.#core = coreOf(arena);
    this.#u32 = arena.u32;
    this.#driver = driver;
    this.#limbo = DOMAIN.limbo.at(domain);
    this.#maxCount = DOMAIN.maxDeferred.get(arena.u32, domain);
    this.#maxBytes = DOMAIN.maxDeferredBytes.get(arena.u32, domain);
  }

  /** How many blocks wait. A snapshot: other contexts defer and reclaim too. */
  get count(): number {
    return LIMBO.count.get(this.#u32, this.#limbo);
  }

  /** How many bytes wait, headers included. A snapshot. */
  get bytes(): number {
    return LIMBO.bytes.get(this.#u32, this.#limbo);
  }

  /** Whether no more may be deferred before some have been freed. */
  get full(): boolean {
    return this.count >= this.#maxCount || this.bytes >= this.#maxBytes;
  }

  /** Whether another context was freeing blocks when this one last reclaimed: some may be left. */
  get busy(): boolean {
    return this.#busy;
  }

  /** Frees older blocks if their grace period happens to be over; then defers a live block. */
  push(offset: number): void {
    // In this order: what is thrown because of another block is thrown before this one is deferred.
    if (++this.#deferred % LOOK_EVERY === 0 && this.#driver.poll(this.#newest)) this.reclaim();
    this.#newest = this.#driver.startPoll();
    this.#core.defer(this.#limbo, offset, this.#newest);
  }

  /**
   * Frees the blocks whose grace period is over; does not wait.
   *
   * @returns A grace period after which all that are left can be freed, or -1 if none is left.
   */
  reclaim(): number {
    const { left, busy } = this.#core.reclaim(this.#limbo, this.#driver.newestOver());
    this.#busy = busy;
    return left > 0 || busy ? this.#driver.startPoll() : -1;
  }

  /** As `reclaim`, after moving on the grace periods; returns how many were freed. */
  reclaimReady(): number {
    this.#driver.poll(this.#driver.startPoll());
    return this.#core.reclaim(this.#limbo, this.#driver.newestOver()).freed;
  }
}
