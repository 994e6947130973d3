/**
 * Waiting on a shared word without blocking the thread.
 *
 * @module
 */

import { restIdleReaders } from "./waiting.ts";

/** How often the word is polled where the host has no `Atomics.waitAsync`. */
const POLL_MS = 4;

/** The longest time that timers of all hosts take: Node makes one millisecond of anything longer. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** What the host may offer; the standard library's types know it only from ES2024 on. */
interface WaitAsync {
  waitAsync?: (
    view: Int32Array,
    index: number,
    value: number,
    timeout: number,
  ) => { async: false; value: string } | { async: true; value: Promise<string> };
}

/**
 * Resolves when the word is notified, holds another value, the time is over or the signal is
 * aborted; the caller checks which. Keeps the process alive while it waits, which a
 * pending `Atomics.waitAsync` does not do.
 *
 * Whoever waits here waits for another context, which may itself wait for a grace period: so idle
 * readers of this context rest.
 *
 * An abort wakes every waiter of the word, since a waiter of `Atomics.waitAsync` cannot be withdrawn
 * and would swallow a later notification.
 *
 * @param view The shared memory.
 * @param index The word.
 * @param expected The value that the caller saw.
 * @param milliseconds How long to wait at most.
 * @param signal Ends the wait early.
 */
export async function waitAsync(
  view: Int32Array,
  index: number,
  expected: number,
  milliseconds: number,
  signal?: AbortSignal,
): Promise<void> {
  restIdleReaders();
  if (signal?.aborted) return; // perhaps by what the caller has done since it checked
  const host = Atomics as WaitAsync;
  const wake = () => void Atomics.notify(view, index);
  signal?.addEventListener("abort", wake, { once: true });
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    if (host.waitAsync) {
      const waiting = host.waitAsync(view, index, expected, milliseconds);
      if (!waiting.async) return;
      // An interval, since the wait may time out a little later than a timer of the same length.
      timer = setInterval(() => {}, Math.min(milliseconds, LONGEST_TIMER_MS));
      await waiting.value;
    } else if (Atomics.load(view, index) === expected) {
      await new Promise((resolve) => {
        timer = setTimeout(resolve, Math.min(milliseconds, POLL_MS));
      });
    }
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", wake);
  }
}
