/**
 * Waiting for a condition that nothing announces.
 *
 * @module
 */

import { ScheduleStuckError } from "./schedule.ts";

/**
 * Looks at a condition once in each turn of the event loop until it holds. The wait is bounded, so
 * that a test fails, and does not hang, if whoever was to bring the condition about has died.
 *
 * @param condition What is waited for.
 * @param what Its name, for the error.
 * @param limitMs How long to wait at most.
 * @throws {ScheduleStuckError} If it does not hold in time.
 */
export async function until(
  condition: () => boolean,
  what: string,
  limitMs = 30_000,
): Promise<void> {
  const limit = performance.now() + limitMs;
  while (!condition()) {
    if (performance.now() > limit) {
      throw new ScheduleStuckError(`Waited ${limitMs} ms until ${what}, in vain`);
    }
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}
