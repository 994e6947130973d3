import { Arena, RcuDomain, RcuPointer } from "@guestmem/rcu";

export const arena = Arena.create({ bytes: 1 << 20, label: "main" });
const domain = RcuDomain.create(arena);
const config = RcuPointer.create(arena, arena.allocate(64));

const worker = new Worker(import.meta.resolve("./worker.ts"), { type: "module" });
export const seen = new Promise((resolve) => worker.onmessage = ({ data }) => resolve(data));
worker.postMessage({
  arena: arena.handle,
  domain: domain.handle,
  config: config.offset,
  last: 1000,
});

for (let version = 1; version <= 1000; version++) {
  const next = arena.allocate(64); // zeroed
  arena.u32[next / 4] = version; // fill it while nobody sees it
  domain.deferFree(config.exchange(next)); // publish; free the old one after a grace period
}
await domain.barrierAsync(); // every old version is freed
console.log("The worker has seen version", await seen);
worker.terminate();
