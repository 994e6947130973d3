/**
 * Watching for the deaths of contexts.
 *
 * @module
 */

import { RcuError } from "../errors/rcu_error.ts";
import { canCertify } from "./certificate.ts";
import { type EvictionReport, type Evictor, expelContexts, judge, repairAfter } from "./evict.ts";

/** The options of `Arena.watch`, which says what they are. */
interface WatchOptions {
  readonly signal: AbortSignal;
  readonly onEvicted?: (report: EvictionReport) => void;
  readonly tokens?: readonly number[];
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
