/// <reference lib="deno.worker" />

import type { HartMessage, HartOrder } from "./messages.ts";
import { runHart } from "./run_hart.ts";

self.onmessage = ({ data }: MessageEvent<HartOrder>) => {
  let message: HartMessage;
  try {
    message = { kind: "ended", report: runHart(data) };
  } catch (error) {
    // What it held, it holds on to: the supervisor evicts it.
    const reason = error instanceof Error ? error.stack ?? error.message : String(error);
    message = { kind: "failed", reason };
  }
  self.postMessage(message);
  self.close();
};
