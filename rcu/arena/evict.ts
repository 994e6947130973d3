/**
 * Expelling a context, and repairing what a dead one left behind.
 *
 * Two steps, because a supervisor that terminates a worker does not know when it stops. A context that
 * is expelled is told at its next call, and whatever it holds stays its own: it may be in the middle
 * of a store. Only a context that certainly executes nothing more is evicted.
 *
 * @module
 */

import { type ContextName, RcuError } from "../errors/rcu_error.ts";
import { canCertify, isLockFree } from "./certificate.ts";
import type { SharedMemory } from "./allocator.ts";
import type { ArenaCore } from "./core.ts";
import { evictionHandlers } from "./members.ts";

/** What an eviction did, from `Arena.evict` and `Arena.watch`. */
export interface EvictionReport {
  /** The context. */
  readonly context: ContextName;
  /** Whether it was attached until now, expelled or not; false if it was evicted before. */
  readonly wasAttached: boolean;
  /** What it left behind in the arena's memory. */
  readonly swept: {
    /** Slabs that the context owned; others use them now. */
    readonly slabs: number;
    /** Blocks whose allocation was cut short, freed now. */
    readonly reclaimed: number;
    /** Blocks that it kept in quarantine, freed now. */
    readonly quarantined: number;
  };
  /** Functions that it had queued with `callRcu` or `callSrcu`: they are lost. */
  readonly lostFunctions: number;
  /** Repairs of the members by name, added up: `mutexes` passed on, for example. */
  readonly members: Readonly<Record<string, number>>;
  /** Members that were skipped, since this context has not loaded the module of their type. */
  readonly unhandled: number;
}

/** An arena, as the context that evicts has attached to it. */
export interface Evictor {
  readonly core: ArenaCore;
  readonly arena: SharedMemory & { readonly handle: { readonly id: string } };
}

/** Tells contexts to stop; see `Arena.expel`. */
export function expelContexts({ core, arena }: Evictor, tokens: readonly number[]): void {
  core.checkAttached();
  for (const token of tokens) {
    if (core.contexts.wasIssued(token) && token !== core.token) continue;
    throw new RcuError("UNKNOWN_CONTEXT", { token });
  }
  for (const token of tokens) core.contexts.expel(token);
  core.members.forEach((offset, type) => {
    const handler = evictionHandlers.get(type);
    for (const token of tokens) handler?.expel?.(arena, offset, token);
  });
}

/**
 * Throws unless all contexts certainly run no more.
 *
 * @throws {RcuError} `STILL_RUNNING` or `NOT_CERTIFIED`.
 */
export async function certify(evictor: Evictor, tokens: readonly number[]): Promise<void> {
  const { contexts } = evictor.core;
  const running: ContextName[] = [];
  const unknown: ContextName[] = [];
  for (const token of tokens) {
    const verdict = await judge(evictor, token);
    if (verdict === "running") running.push(contexts.nameOf(token));
    if (verdict === "unknown") unknown.push(contexts.nameOf(token));
  }
  if (running.length > 0) throw new RcuError("STILL_RUNNING", { contexts: running });
  if (unknown.length > 0) {
    const reason = canCertify()
      ? "their locks are free, but were never seen held"
      : "this platform has no locks that would say so";
    throw new RcuError("NOT_CERTIFIED", { contexts: unknown, reason });
  }
}

/** Whether a context runs, as far as its state and its lock say. */
export async function judge(
  { core, arena }: Evictor,
  token: number,
): Promise<"running" | "stopped" | "unknown"> {
  if (core.contexts.isGone(token)) return "stopped";
  if (!canCertify()) return "unknown";
  // Before the lock is asked for: it may be taken for the first time while the answer is under way.
  const wasHeld = core.contexts.isCertified(token);
  if (await isLockFree(arena.handle.id, token)) return wasHeld ? "stopped" : "unknown";
  core.contexts.certify(token);
  return "running";
}

/**
 * Repairs what contexts left behind that certainly run no more. Another context may do the same at the
 * same time, and may die half-way: each step finds what is left to do.
 */
export function repairAfter({ core, arena }: Evictor, tokens: readonly number[]): EvictionReport[] {
  core.checkAttached();
  const found = tokens.map((token) => ({
    context: core.contexts.nameOf(token),
    wasAttached: core.contexts.declareDead(token),
    members: {} as Record<string, number>,
    unhandled: 0,
  }));
  core.members.forEach((offset, type) => {
    const handler = evictionHandlers.get(type);
    for (const report of found) {
      if (handler) addUp(report.members, handler.evict(arena, offset, report.context.token));
      else report.unhandled++;
    }
  });
  return found.map((report) => {
    const { token } = report.context;
    const swept = core.adopt(token);
    const lostFunctions = core.contexts.queuedFunctions(token);
    core.contexts.bury(token);
    return { ...report, swept, lostFunctions };
  });
}

function addUp(sums: Record<string, number>, counts: Record<string, number>): void {
  for (const [name, count] of Object.entries(counts)) {
    if (count > 0) sums[name] = (sums[name] ?? 0) + count;
  }
}
