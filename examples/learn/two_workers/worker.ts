/// <reference lib="deno.worker" />
import { Arena, RcuDomain, RcuPointer } from "@guestmem/rcu";

self.onmessage = ({ data }) => {
  const arena = Arena.attach(data.arena, { label: "worker" });
  const reader = RcuDomain.attach(arena, data.domain).register({ label: "config reader" });
  const config = RcuPointer.attach(arena, data.config);
  let seen = 0;
  while (seen !== data.last) {
    const guard = reader.lock();
    try {
      seen = arena.u32[config.dereference(guard) / 4]!;
    } finally {
      guard.unlock();
    }
  }
  reader.unregister();
  arena.close();
  self.postMessage(seen);
};
