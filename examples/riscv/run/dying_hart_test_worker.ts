/// <reference lib="deno.worker" />

import { attachSharedMemory } from "../machine/shared_memory.ts";
import type { HartMessage, HartOrder } from "./messages.ts";
import { runHart } from "./run_hart.ts";

/** Hart 0 runs; hart 1 dies in the middle of a read-side section. */
self.onmessage = ({ data }: MessageEvent<HartOrder>) => {
  const { hart, shared } = data;
  let message: HartMessage;
  if (hart === 0) {
    message = { kind: "ended", report: runHart(data) };
  } else {
    const { domain } = attachSharedMemory(shared, `hart ${hart}`);
    domain.register({ label: `hart ${hart}` }).lock();
    message = { kind: "failed", reason: new RangeError("planted").stack! };
  }
  self.postMessage(message);
  self.close();
};
