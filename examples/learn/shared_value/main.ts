import { Arena, RcuDomain, RcuValue } from "@guestmem/rcu";
import { Worker } from "node:worker_threads";
const arena = Arena.create({ bytes: 1 << 20 });
const domain = RcuDomain.create(arena);
const limits = RcuValue.create(arena, { requests: 10, paths: ["/"] });
const workerData = { arena: arena.handle, domain: domain.handle, limits: limits.offset };
export const worker = new Worker(new URL("./worker.ts", import.meta.url), { workerData });
limits.publish({ requests: 20, paths: ["/", "/new"] }, domain);
worker.once("message", console.log).postMessage("What are the limits?");
