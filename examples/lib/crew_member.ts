/**
 * The worker's half of {@link ./crew.ts}.
 *
 * @module
 */

/// <reference lib="deno.worker" />

import type { WorkFailure } from "./crew.ts";

/**
 * Does what the first message orders, then closes this worker. If that throws, the crew is told and
 * evicts the worker, which holds on to whatever it held.
 */
export function work<Order>(perform: (order: Order) => Promise<void> | void): void {
  self.onmessage = async ({ data }: MessageEvent<Order>) => {
    try {
      await perform(data);
    } catch (error) {
      const failed = error instanceof Error ? error.stack ?? String(error) : String(error);
      say<WorkFailure>({ failed });
    }
    self.close();
  };
}

/** Posts an answer. */
export function say<Answer>(answer: Answer): void {
  self.postMessage(answer);
}

/** The next message. */
export function hear<Message>(): Promise<Message> {
  return new Promise((resolve) => {
    self.onmessage = ({ data }: MessageEvent<Message>) => resolve(data);
  });
}
