/**
 * The log of invalidations: how a control context reaches the IOTLB of every worker. It lies in the
 * arena: a counter of 64 bits (`TAIL`, invalidations ever made) and the last {@linkcode LOG_RECORDS}
 * of them.
 *
 * **Why no invalidation is lost.** A worker compares `TAIL` with what it has seen, at every
 * translation, by one atomic load inside its read-side section. If it is another, the worker goes
 * through the records since; if they are too many, or a record was written again while it read, it
 * drops everything. The counter never wraps, so *the same* means *none since*.
 *
 * **Why that is soon enough.** An unmapping clears the entry, then appends here, then waits for a
 * grace period. A section that the grace period did not wait for entered after that, so its load of
 * `TAIL` sees the record (all of these are seq-cst). A section that it did wait for is over.
 *
 * **Why a walk cannot bring a stale entry in for good.** The worker takes note of `TAIL` before it
 * walks. If the entry is cleared after the walk read it, the record is appended after that, so the
 * next translation finds it and drops what the walk brought in.
 *
 * **Why a torn record is not believed.** The slot of record *r* is written again for record
 * *r + LOG_RECORDS*, after `TAIL` was made *r + LOG_RECORDS*. A worker loads `TAIL` again after it has
 * read, and a worker that read any of the new values loads at least that.
 *
 * @module
 */

import type { Arena } from "@guestmem/rcu";
import { MAX_PAGES } from "../_pages.ts";

/** How many records the log holds. */
export const LOG_RECORDS = 64;
/** Stands for every domain in a record. */
export const EVERY_DOMAIN = -1;

const RECORDS_AT = 64;
const RECORD_BYTES = 32;
/** Bytes of the log. */
export const LOG_BYTES: number = RECORDS_AT + LOG_RECORDS * RECORD_BYTES;

/** One invalidation as a worker takes it. */
export type Drop = (domain: number, firstPage: number, lastPage: number) => void;

/** A view of the log from one context. */
export class InvalidationLog {
  readonly #kernel: Arena["kernel"];
  readonly #offset: number;

  /**
   * Attaches this context.
   *
   * @param arena The arena.
   * @param offset Where the log lies, a multiple of 8.
   */
  constructor(arena: Arena, offset: number) {
    this.#kernel = arena.kernel;
    this.#offset = offset;
  }

  /** How many invalidations were ever made. */
  get tail(): number {
    return this.#kernel.load64(this.#offset);
  }

  /**
   * Appends an invalidation. One context at a time.
   *
   * @param domain The domain, or {@linkcode EVERY_DOMAIN}.
   * @param firstPage First page.
   * @param lastPage Last page, inclusive.
   */
  append(domain: number, firstPage = 0, lastPage = MAX_PAGES - 1): void {
    const { tail } = this;
    const at = this.#recordAt(tail);
    this.#store(at, domain + 1);
    this.#store(at + 8, firstPage);
    this.#store(at + 16, lastPage);
    this.#store(this.#offset, tail + 1);
  }

  /**
   * Reads the invalidations from `seen` on.
   *
   * @param seen How many the caller has taken note of.
   * @param drop Called for each.
   * @returns Up to which they were read; -1 if some are lost, so that everything must go.
   */
  readFrom(seen: number, drop: Drop): number {
    const { tail } = this;
    if (tail - seen >= LOG_RECORDS) return -1;
    for (let record = seen; record < tail; record++) {
      const at = this.#recordAt(record);
      const domain = this.#kernel.load64(at) - 1;
      const first = this.#kernel.load64(at + 8);
      const last = this.#kernel.load64(at + 16);
      // A record that was written again meanwhile may be a mix: the second look below finds out.
      drop(domain, first, last);
    }
    return this.tail - seen >= LOG_RECORDS ? -1 : tail;
  }

  #recordAt(record: number): number {
    return this.#offset + RECORDS_AT + (record % LOG_RECORDS) * RECORD_BYTES;
  }

  #store(cell: number, value: number): void {
    this.#kernel.pairStore(cell, value >>> 0, Math.floor(value / 2 ** 32));
  }
}
