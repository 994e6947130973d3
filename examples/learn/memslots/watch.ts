/**
 * A vCPU's loop here: it looks up pages that are mapped all the time.
 *
 * @module
 */

import { type Memslots, OUTCOME, ShadowMap } from "@guestmem/ramblock/memslots";

/** Counts a vCPU's lookups by result. */
export interface Met {
  /** The right page. */
  mapped: number;
  /** Told to try again. */
  retries: number;
  /** No slot: the guest would have faulted on memory that it has. */
  holes: number;
  /** Another page. */
  wrong: number;
}

/**
 * Looks pages up in the table and through shadow mappings, with a section for each page.
 *
 * @param slots This context's memslots.
 * @param host Host address of gfn 0; gfn n is n pages after it.
 * @param gfns The pages to look up in each pass.
 * @param passed Called after each pass; it returns false to end the watch.
 */
export function watch(
  slots: Memslots,
  host: number,
  gfns: readonly number[],
  passed: () => boolean,
): Met {
  const met = { mapped: 0, retries: 0, holes: 0, wrong: 0 };
  const shadow = ShadowMap.create(slots, { entries: 64 });
  const reader = slots.srcu.register();
  do {
    for (const gfn of gfns) {
      const guard = reader.lock();
      count(met, slots.gfnToHost(slots.snapshot(guard), gfn), host + gfn * 4096);
      count(met, shadow.translate(guard, gfn, true), host + gfn * 4096);
      guard.unlock();
    }
  } while (passed());
  reader.unregister();
  shadow.release();
  return met;
}

function count(met: Met, outcome: number, expected: number): void {
  if (outcome === expected) met.mapped++;
  else if (outcome === OUTCOME.RETRY) met.retries++;
  else if (outcome === OUTCOME.NO_SLOT) met.holes++;
  else met.wrong++;
}
