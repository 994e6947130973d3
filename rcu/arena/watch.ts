/**
 * Watching for the deaths of contexts.
 *
 * @module
 */

import { RcuError } from "../errors/rcu_error.ts";
import { canCertify } from "./certificate.ts";
import { type EvictionReport, type Evictor, expelContexts, judge, repairAfter } from "./evict.ts";

/** Options of `Arena.watch`. */
export interface WatchOptions {
  /** Ends the watch. */
  readonly signal: AbortSignal;
  /** Called for each context that was found dead, and is evicted. */
  readonly onEvicted?: (report: EvictionReport) => void;
  /** The contexts to watch; all others than this one unless given, also those that attach later. */
  readonly tokens?: readonly number[];
  /** How often to look, in milliseconds; 250 unless given. */
  readonly intervalMs?: number;
}

/** Evicts contexts that are found dead, until the signal is aborted; see `Arena.watch`. */
export async function watchContexts(evictor: Evictor, options: WatchOptions): Promise<void> {
  const { signal, onEvicted, tokens, intervalMs = 250 } = options;
  const { core } = evictor;
  if (!canCertify()) {
    throw new RcuError("NOT_CERTIFIED", {
      contexts: [],
      reason: "this platform has no locks that would say so",
    });
  }
  while (!signal.aborted) {
    core.checkAttached();
    for (const { token, state } of core.contexts.list()) {
      if (token === core.token || state === "gone" || tokens?.includes(token) === false) continue;
      if (await judge(evictor, token) !== "stopped" || signal.aborted) continue;
      expelContexts(evictor, [token]);
      const [report] = repairAfter(evictor, [token]);
      // Another watcher may have come first.
      if (report!.wasAttached) onEvicted?.(report!);
    }
    await sleep(intervalMs, signal);
  }
}

/** Resolves after some time or at the signal, and leaves neither timer nor listener behind. */
async function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let wake = () => {};
  await new Promise<void>((resolve) => {
    wake = resolve;
    timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", wake);
    if (signal.aborted) resolve();
  });
  clearTimeout(timer);
  signal.removeEventListener("abort", wake);
}
