/**
 * What an asynchronous wait does about a holder that may be dead.
 *
 * @module
 */

import { type Arena, coreOf } from "../arena/arena.ts";
import { expelContexts, judge } from "../arena/evict.ts";
import { monotonicClock } from "./clock.ts";
import { RECHECK_MS } from "./wait_options.ts";

/**
 * Declares dead who holds up a wait, if the platform says that it has stopped. The wait then takes what it
 * waits for, although nobody watches. The rest of the repair, and the report, are left to who does.
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
    core.contexts.declareDead(token);
  }
}
