/**
 * Waiting for a condition that sends no notification. Each wait has a limit, so that a test fails,
 * and does not hang, if the context that would bring the condition about has died.
 *
 * @module
 */

import { LIMIT_MS, ScheduleStuckError } from "./schedule.ts";

/** Returns a check that throws once the time is over. */
function patience(what: string, limitMs: number): () => void {
  const end = performance.now() + limitMs;
  return () => {
    if (performance.now() <= end) return;
    throw new ScheduleStuckError(`Waited ${limitMs} ms until ${what}, in vain`);
  };
}

/**
 * Checks a condition once in each turn of the event loop until it holds.
 *
 * @param condition The condition to wait for.
 * @param what Its name, for the error.
 * @param limitMs How long to wait at most.
 * @throws {ScheduleStuckError} If it does not hold in time.
 */
export async function until(
  condition: () => boolean,
  what: string,
  limitMs: number = LIMIT_MS,
): Promise<void> {
  const check = patience(what, limitMs);
  while (!condition()) {
    check();
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}

/** {@link until} that blocks: for conditions that other workers bring about. */
export function spinUntil(
  condition: () => boolean,
  what: string,
  limitMs: number = LIMIT_MS,
): void {
  const check = patience(what, limitMs);
  while (!condition()) {
    check();
    Atomics.pause();
  }
}

/**
 * Numbers the rounds of a race, from 0: at least as many as asked for, and more until the others
 * have done their part, however slowly they start.
 *
 * @param least The fewest rounds.
 * @param enough Whether the others have done their part.
 * @param what Its name, for the error.
 * @param limitMs How long all rounds may take.
 * @throws {ScheduleStuckError} If the others do not get there in time.
 */
export function* rounds(
  least: number,
  enough: () => boolean,
  what: string,
  limitMs: number = LIMIT_MS,
): Generator<number, void, void> {
  const check = patience(what, limitMs);
  for (let round = 0; round < least || !enough(); round++) {
    check();
    yield round;
  }
}
