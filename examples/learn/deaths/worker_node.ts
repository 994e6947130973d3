import { Arena, Mutex, RcuDomain } from "@guestmem/rcu";
import { parentPort, workerData } from "node:worker_threads";

const arena = Arena.attach(workerData.arena, { label: "worker" });
const reader = RcuDomain.attach(arena, workerData.domain).register({ label: "reader" });
Mutex.attach(arena, workerData.mutex).lock();
reader.lock();
parentPort!.postMessage(arena.token);
for (;;);
