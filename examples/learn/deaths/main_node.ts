import { Arena, type EvictionReport, Mutex, RcuDomain } from "@guestmem/rcu";
import { Worker } from "node:worker_threads";

const arena = Arena.create({ bytes: 1 << 20, label: "supervisor" });
const domain = RcuDomain.create(arena);
const mutex = Mutex.create(arena);

const worker = new Worker(new URL("./worker_node.js", import.meta.url), {
  workerData: { arena: arena.handle, domain: domain.handle, mutex: mutex.offset },
});
const token = await new Promise<number>((resolve) => worker.once("message", resolve));
const evicted = new Promise<EvictionReport>((resolve) => {
  worker.once("exit", () => resolve(arena.evict(token, { stopped: true })));
});
worker.terminate(); // with the mutex, and in a section

const { members } = await evicted; // { readers: 1, mutexes: 1 }
await domain.synchronizeAsync(); // nobody is in a section any more
export const outcome = { members, lock: await mutex.lockAsync() }; // "owner-died"
mutex.consistent(); // after what the mutex guards is mended
mutex.unlock();
