/// <reference lib="deno.worker" />

import type { HartMessage, HartOrder } from "./messages.ts";
import { runHart } from "./run_hart.ts";

self.onmessage = ({ data }: MessageEvent<HartOrder>) => {
  const say = (message: HartMessage) => self.postMessage(message);
  try {
    say({ kind: "ended", report: runHart(data) });
    self.close();
  } catch (error) {
    // The supervisor evicts this worker, which holds on to what it held, and terminates it.
    const reason = error instanceof Error ? error.stack ?? error.message : String(error);
    say({ kind: "failed", reason });
  }
};
