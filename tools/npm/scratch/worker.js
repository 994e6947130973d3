import { Arena, RcuDomain, RcuValue } from "@guestmem/rcu";

self.onmessage = ({ data }) => {
  const arena = Arena.attach(data.arena);
  const reader = RcuDomain.attach(arena, data.domain).register();
  self.postMessage(RcuValue.attach(arena, data.limits).read(reader));
};
