/**
 * A worker that enters a section, says so, and never leaves.
 *
 * @module
 */

import { parentPort, workerData } from "node:worker_threads";
import { Arena, type ArenaHandle, type DomainHandle, RcuDomain, RcuPointer } from "@guestmem/rcu";

/** What the worker is started with. */
export interface ParkedData {
  readonly arena: ArenaHandle;
  readonly domain: DomainHandle;
  /** Where the pointer lies that it dereferences. */
  readonly pointer: number;
}

const data = workerData as ParkedData;
const arena = Arena.attach(data.arena, { label: "parked" });
const section = RcuDomain.attach(arena, data.domain).register({ label: "parked" }).lock();
RcuPointer.attach(arena, data.pointer).dereference(section);
parentPort!.postMessage(arena.token);
for (;;);
