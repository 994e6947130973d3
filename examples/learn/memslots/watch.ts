/**
 * What vCPUs do here: they look up pages that are mapped all the time.
 *
 * @module
 */

import { type Memslots, OUTCOME, ShadowMap } from "@guestmem/ramblock/memslots";

/** What a vCPU met. */
export interface Met {
  /** The page where it belongs. */
  mapped: number;
  /** Told to try again. */
  retries: number;
  /** No slot: the guest would have faulted on memory that it has. */
  holes: number;
  /** Another page. */
  wrong: number;
}

/**
 * Looks pages up, in the table and through shadow mappings, a section for each page.
 *
 * @param slots As this context attached to them.
 * @param host The host position of gfn 0; that of gfn n is n pages further.
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
