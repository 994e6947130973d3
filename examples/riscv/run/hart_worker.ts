/// <reference lib="deno.worker" />

import { HartLoop } from "./hart_loop.ts";
import type { HartMessage, HartOrder } from "./messages.ts";

self.onmessage = ({ data }: MessageEvent<HartOrder>) => {
  let message: HartMessage;
  try {
    const loop = new HartLoop(data);
    message = { kind: "ended", report: loop.run() };
    loop.close();
  } catch (error) {
    // What it held, it holds on to: the supervisor evicts it.
    const reason = error instanceof Error ? error.stack ?? error.message : String(error);
    message = { kind: "failed", reason };
  }
  self.postMessage(message);
  self.close();
};
