/**
 * What an asynchronous wait does about a holder that may be dead.
 *
 * @module
 */

import { type Arena, coreOf } from "../arena/arena.ts";
import { expelContexts, judge, repairAfter } from "../arena/evict.ts";
import { monotonicClock } from "./clock.ts";
import { RECHECK_MS } from "./wait_options.ts";

/**
 * Evicts who holds up a wait if the platform says that it has stopped: so the wait ends although
 * nobody watches.
 */
export class DeadHolder {
  readonly #arena: Arena;
  #next = monotonicClock() + RECHECK_MS;

  /** @param arena The arena, as this context attached to it. */
  constructor(arena: Arena) {
    this.#arena = arena;
  }

  /** Whether it is time to look at the holder: now and then. */
  get isDue(): boolean {
    return monotonicClock() >= this.#next;
  }

  /** Looks at the holder. */
  async look(token: number): Promise<void> {
    this.#next = monotonicClock() + RECHECK_MS;
    const core = coreOf(this.#arena);
    if (token === core.token || !core.contexts.wasIssued(token)) return;
    const evictor = { core, arena: this.#arena };
    if (await judge(evictor, token) !== "stopped") return;
    expelContexts(evictor, [token]);
    repairAfter(evictor, [token]);
  }
}
