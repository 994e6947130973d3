/**
 * The blocks that wait in a domain's limbo list. The list lies in the arena, so any context can free
 * them, even after the one that deferred them is gone.
 *
 * @module
 */

import { type Arena, coreOf } from "../arena/arena.ts";
import type { ArenaCore } from "../arena/core.ts";
import { LIMBO } from "../arena/limbo.ts";
import { DOMAIN } from "../kernel/layouts.ts";
import type { Driver } from "./driver.ts";

/** Most blocks freed in one turn of the arena's lock. */
const BATCH = 64;

/** After this many deferrals, a context checks whether a batch can be freed. */
const LOOK_EVERY = 64;

/** One domain's limbo list, as one context sees it. */
export class DeferredBlocks {
  readonly #core: ArenaCore;
  readonly #u32: Uint32Array;
  readonly #driver: Driver;
  readonly #limbo: number;
  readonly #isThere: () => boolean;
  readonly #maxCount: number;
  readonly #maxBytes: number;
  #deferred = 0;

  /**
   * @param arena The arena, as this context attached to it.
   * @param domain The domain's block.
   * @param driver Waits for the domain's grace periods.
   * @param isThere Whether the domain is not destroyed; asked under the arena's lock.
   */
  constructor(arena: Arena, domain: number, driver: Driver, isThere: () => boolean) {
    this.#core = coreOf(arena);
    this.#u32 = arena.u32;
    this.#driver = driver;
    this.#limbo = DOMAIN.limbo.at(domain);
    this.#isThere = isThere;
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

  /** Frees older blocks if their grace period happens to be over; then defers a live block. */
  push(offset: number): void {
    // In this order: what is thrown because of another block is thrown before this one is deferred.
    if (++this.#deferred % LOOK_EVERY === 0) this.reclaimReady();
    this.#core.pushDeferred(this.#limbo, offset);
  }

  /** The grace period that the oldest blocks wait for, or -1 if none waits. */
  get cookie(): number {
    return this.#core.startBatch(this.#limbo, () => this.#driver.startPoll(), this.#isThere);
  }

  /** Frees every batch whose grace period is over, without waiting. */
  reclaimReady(): void {
    for (;;) {
      const cookie = this.cookie;
      if (cookie < 0 || !this.#driver.poll(cookie)) return;
      this.reclaim(cookie);
    }
  }

  /** Frees the batch that waited for the grace period of `cookie`, which is over. */
  reclaim(cookie: number): void {
    while (this.#core.reclaimBatch(this.#limbo, BATCH, cookie, this.#isThere) === BATCH);
  }
}
