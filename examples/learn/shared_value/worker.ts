import { Arena, RcuDomain, RcuValue } from "@guestmem/rcu";
import { parentPort, workerData } from "node:worker_threads";
const arena = Arena.attach(workerData.arena);
const reader = RcuDomain.attach(arena, workerData.domain).register();
const limits = RcuValue.attach(arena, workerData.limits);
parentPort!.once("message", () => parentPort!.postMessage(limits.read(reader)));
