/**
 * The log of invalidations: how a control context reaches the IOTLB of every worker. It is in the
 * arena: a 64-bit counter (`tail`, the number of invalidations ever made) and the last
 * {@linkcode LOG_RECORDS} of them.
 *
 * **Why no invalidation is lost.** At every translation a worker compares `tail` with the value that
 * it has seen, by one atomic load inside its read-side section. If `tail` has moved, the worker
 * processes the new records; if there are too many, or one was overwritten while it read, it drops
 * everything. The counter never wraps, so *equal* means *none since*.
 *
 * **Why that is soon enough.** An unmapping clears the entry, then appends here, then waits for a
 * grace period. A section that the grace period did not wait for began after that, so its load of
 * `tail` sees the record (all of these accesses are seq-cst). A section that it did wait for has
 * ended.
 *
 * **Why a walk cannot bring in a stale entry for good.** The worker loads `tail` before it walks. If
 * the entry is cleared after the walk read it, the record is appended after that, so the next
 * translation finds it and drops what the walk brought in.
 *
 * **Why a torn record is not believed.** The place of record *r* is overwritten by record
 * *r + LOG_RECORDS*, after `tail` became *r + LOG_RECORDS*. A worker loads `tail` again after it has
 * read; if it read any of the new values, it loads at least that.
 *
 * @module
 */

import type { SharedMemory } from "@guestmem/rcu";
import { instantiateKernel, type Kernel } from "@guestmem/rcu/internal";
import { aligned, bytes, CACHE_LINE, defineLayout } from "@guestmem/rcu/layout";
import { MAX_PAGES } from "../addresses/pages.ts";
import { storeNumber } from "./store_number.ts";

/** How many records the log holds. */
export const LOG_RECORDS = 64;
/** Stands for every domain in a record. */
export const EVERY_DOMAIN = -1;

/** A record: one invalidation. Half a cache line. */
const RECORD = defineLayout({
  /** The domain's id plus 1; 0 stands for every domain. */
  domain: aligned(32, "u64"),
  /** First page. */
  first: "u64",
  /** Last page, inclusive. */
  last: "u64",
});

/** The log. Every worker loads `tail` at every translation: it has a cache line to itself. */
export const LOG = defineLayout({
  /** How many invalidations were ever made. */
  tail: aligned(CACHE_LINE, "u64"),
  /** The last of them: number r is at index r modulo LOG_RECORDS. */
  records: aligned(CACHE_LINE, bytes(LOG_RECORDS * RECORD.size)),
});

/** Takes one invalidation. */
export type OnInvalidation = (domain: number, firstPage: number, lastPage: number) => void;

/** A view of the log from one context. */
export class InvalidationLog {
  readonly #kernel: Kernel;
  /** Addresses of the counter and of the first record. */
  readonly #tail: number;
  readonly #records: number;

  /**
   * Attaches this context.
   *
   * @param shared The memory that holds the log.
   * @param offset Offset of the log, a multiple of 64.
   */
  constructor({ memory }: Pick<SharedMemory, "memory">, offset: number) {
    this.#kernel = instantiateKernel(memory);
    this.#tail = LOG.tail.at(offset);
    this.#records = LOG.records.at(offset);
  }

  /** How many invalidations were ever made. */
  get tail(): number {
    return this.#kernel.load64(this.#tail);
  }

  /**
   * Appends an invalidation. One context at a time.
   *
   * @param domain The domain, or {@linkcode EVERY_DOMAIN}.
   * @param firstPage First page.
   * @param lastPage Last page, inclusive.
   */
  append(domain: number, firstPage = 0, lastPage = MAX_PAGES - 1): void {
    const kernel = this.#kernel;
    const { tail } = this;
    const record = this.#recordAt(tail);
    storeNumber(kernel, RECORD.domain.at(record), domain + 1);
    storeNumber(kernel, RECORD.first.at(record), firstPage);
    storeNumber(kernel, RECORD.last.at(record), lastPage);
    storeNumber(kernel, this.#tail, tail + 1);
  }

  /**
   * Reads the invalidations from number `seen` on.
   *
   * @param seen How many the caller has processed.
   * @param onInvalidation Called for each.
   * @returns How many are processed now; -1 if some are lost, so that everything must be dropped.
   */
  readFrom(seen: number, onInvalidation: OnInvalidation): number {
    const kernel = this.#kernel;
    const { tail } = this;
    if (tail - seen >= LOG_RECORDS) return -1;
    for (let number = seen; number < tail; number++) {
      const record = this.#recordAt(number);
      const domain = kernel.load64(RECORD.domain.at(record)) - 1;
      const first = kernel.load64(RECORD.first.at(record));
      const last = kernel.load64(RECORD.last.at(record));
      // A record overwritten while it was read may be a mix: the load of `tail` below shows that.
      onInvalidation(domain, first, last);
    }
    return this.tail - seen >= LOG_RECORDS ? -1 : tail;
  }

  #recordAt(number: number): number {
    return this.#records + (number % LOG_RECORDS) * RECORD.size;
  }
}
