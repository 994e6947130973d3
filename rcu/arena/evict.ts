/**
 * Eviction: repairing what a dead context left behind.
 *
 * @module
 */

import { type ContextName, RcuError } from "../errors/rcu_error.ts";
import type { SharedMemory } from "./allocator.ts";
import type { ArenaCore } from "./core.ts";
import { HEADER } from "./header.ts";
import { passOn } from "./lock.ts";
import { evictionHandlers, members } from "./members.ts";
import type { RepairReport } from "./repair.ts";

/** What {@linkcode Arena.evict} did. */
export interface EvictionReport {
  /** The context. */
  readonly context: ContextName;
  /** Whether it counted as alive until now. */
  readonly wasAlive: boolean;
  /** Whether it held the arena's lock. */
  readonly heldArenaLock: boolean;
  /** The repair that this made necessary, or null. */
  readonly repaired: RepairReport | null;
  /** Functions that it had queued with `callRcu` or `callSrcu`: they are lost. */
  readonly lostFunctions: number;
  /** Repairs of the members by name, added up: `mutexes` passed on, for example. */
  readonly members: Readonly<Record<string, number>>;
  /** Members that were skipped, since this context has not loaded the module of their type. */
  readonly unhandled: number;
}

/** Evicts a context; see {@linkcode Arena.evict}. */
export function evictContext(
  core: ArenaCore,
  memory: SharedMemory,
  token: number,
): EvictionReport {
  core.checkAttached();
  if (!core.contexts.wasIssued(token) || token === core.token) {
    throw new RcuError("UNKNOWN_CONTEXT", { token });
  }
  const context = core.contexts.nameOf(token);
  // Marked first: from now on a context that finds the dead one in a lock word takes the lock over.
  const wasAlive = core.contexts.evict(token);
  const heldArenaLock = passOn(core.i32, HEADER.lock.index(0), token);
  const found: Record<string, number> = {};
  let unhandled = 0;
  core.lastRepair = null;
  core.locked(() => {
    for (const { offset, type } of members(core.heap.store.u32)) {
      const handler = evictionHandlers.get(type);
      if (!handler) {
        unhandled++;
        continue;
      }
      for (const [name, count] of Object.entries(handler(memory, offset, token))) {
        found[name] = (found[name] ?? 0) + count;
      }
    }
  });
  const lostFunctions = core.contexts.queuedFunctions(token);
  const repaired = core.lastRepair;
  return { context, wasAlive, heldArenaLock, repaired, lostFunctions, members: found, unhandled };
}
