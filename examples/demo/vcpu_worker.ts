/// <reference lib="deno.worker" />
import { Guest } from "./guest.ts";
import type { VcpuOrder } from "./messages.ts";

self.onmessage = ({ data }: MessageEvent<VcpuOrder>) => {
  const result = new Guest(data).run();
  self.postMessage(result);
  self.close();
};
