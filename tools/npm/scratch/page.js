import { Arena, RcuDomain, RcuValue } from "@guestmem/rcu";

const arena = Arena.create({ bytes: 1 << 20 });
const domain = RcuDomain.create(arena);
const limits = RcuValue.create(arena, { requests: 10 });
const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
worker.onmessage = ({ data }) => document.body.dataset.answer = data.requests;
worker.onerror = ({ message }) => document.body.dataset.answer = message;
limits.publish({ requests: 20 }, domain);
worker.postMessage({ arena: arena.handle, domain: domain.handle, limits: limits.offset });
