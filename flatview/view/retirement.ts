import { DeferredBudgetError } from "@guestmem/rcu";
import type { ViewReclaimer } from "./view_memory.ts";

/** Functions that wait for a grace period, a batch for each. */
export class Retirement {
  readonly #reclaimer: Pick<ViewReclaimer, "callRcu">;
  #pending: (() => void)[] = [];

  /** @param reclaimer Whose grace periods are awaited. */
  constructor(reclaimer: Pick<ViewReclaimer, "callRcu">) {
    this.#reclaimer = reclaimer;
  }

  /** Adds a function to the batch of the next `flush`. */
  add(run: () => void): void {
    this.#pending.push(run);
  }

  /** Hands the batch to a grace period. If the domain's budget is full it waits for a later flush. */
  flush(): void {
    if (this.#pending.length === 0) return;
    const batch = this.#pending;
    this.#pending = [];
    try {
      this.#reclaimer.callRcu(() => runAll(batch));
    } catch (error) {
      // The commit cannot be undone any more, so the batch must not be lost: it joins the next one.
      this.#pending = batch;
      if (!(error instanceof DeferredBudgetError)) throw error;
    }
  }

  /** Runs a function after a grace period. */
  retire(run: () => void): void {
    this.add(run);
    this.flush();
  }
}

/** Runs all, whatever one of them throws; then throws that. */
function runAll(batch: readonly (() => void)[]): void {
  const errors: unknown[] = [];
  for (const run of batch) {
    try {
      run();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw new AggregateError(errors, "What was retired failed");
}
