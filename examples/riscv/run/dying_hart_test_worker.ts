/// <reference lib="deno.worker" />

import { Arena, RcuDomain } from "@guestmem/rcu";
import type { HartMessage, HartOrder } from "./messages.ts";
import { runHart } from "./run_hart.ts";

/**
 * Hart 0 runs. Hart 1 dies inside a read-side section: with a word, or, if the module's name ends in
 * `?silent`, without one.
 */
self.onmessage = async ({ data }: MessageEvent<HartOrder>) => {
  const { hart, shared } = data;
  const say = (message: HartMessage) => self.postMessage(message);
  if (hart === 0) {
    say({ kind: "ended", report: runHart(data) });
    return self.close();
  }
  const arena = Arena.attach(shared.arena, { label: `hart ${hart}` });
  const reader = RcuDomain.attach(arena, shared.domain).register({ label: `hart ${hart}` });
  if (!import.meta.url.endsWith("?silent")) {
    reader.lock();
    return say({ kind: "failed", reason: new RangeError("planted").stack! });
  }
  const isCertified = () => arena.contexts().find(({ token }) => token === arena.token)!.certified;
  while (!isCertified()) await new Promise((resolve) => setTimeout(resolve, 5));
  reader.lock();
  self.close();
};
