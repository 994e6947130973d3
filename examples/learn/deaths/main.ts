import { Arena, type EvictionReport, Mutex, RcuDomain } from "@guestmem/rcu";

const arena = Arena.create({ bytes: 1 << 20, label: "supervisor" });
const domain = RcuDomain.create(arena);
const mutex = Mutex.create(arena);

const stop = new AbortController();
const evicted = new Promise<EvictionReport>((resolve, reject) => {
  arena.watch({ signal: stop.signal, onEvicted: resolve }).catch(reject);
});

const worker = new Worker(import.meta.resolve("./worker.ts"), { type: "module" });
worker.postMessage({ arena: arena.handle, domain: domain.handle, mutex: mutex.offset });

const { members } = await evicted; // { readers: 1, mutexes: 1 }
await domain.synchronizeAsync(); // nobody is in a section any more
export const outcome = { members, lock: await mutex.lockAsync() }; // "owner-died"
mutex.consistent(); // after what the mutex guards is mended
mutex.unlock();
stop.abort();
