/**
 * The workers of a run: each is told what to do, answers, and may die or hang. The run goes on to
 * its report in any case.
 *
 * @module
 */

import type { Arena } from "@guestmem/rcu";
import { startWorker } from "./workers.ts";

/** A run gives up workers that have not answered this many milliseconds after it waits for them. */
const PATIENCE_MS = 30_000;

/** Posted by a worker whose work threw an error. */
export interface WorkFailure {
  readonly failed: string;
}

/** A worker of a crew. */
export interface Member<Answer> {
  /** Posts it a message. */
  tell(message: unknown): void;
  /** Its next answer; null if it has failed. */
  answer(): Promise<Answer | null>;
}

/** Starts the workers of a run and collects their failures. */
export class Crew {
  /** A line for each worker that failed, and for each wait that was given up. */
  readonly failures: string[] = [];
  readonly #arena: Pick<Arena, "contexts" | "evict" | "expel">;

  /**
   * @param arena Workers that fail are evicted from it, so that the others do not wait for them.
   */
  constructor(arena: Pick<Arena, "contexts" | "evict" | "expel">) {
    this.#arena = arena;
  }

  /**
   * Starts a worker.
   *
   * @param name The worker must attach to the arena with it as its label.
   * @param url Its module, which calls `work` of `crew_member.ts`.
   * @param order What it is to do; structured-cloneable.
   */
  start<Answer>(name: string, url: string, order: unknown): Member<Answer> {
    const answers: Answer[] = [];
    let hasFailed = false;
    let wake = () => {};
    const fail = (reason: string, stopped = true): void => {
      this.failures.push(`${name} ${reason}`);
      hasFailed = true;
      this.#evict(name, stopped);
      wake();
    };
    const worker = startWorker<Answer | WorkFailure>(url, order, {
      message: (message) => {
        if (isFailure(message)) return fail(`failed: ${message.failed}`);
        answers.push(message);
        wake();
      },
      unreadable: (reason) => fail(reason, false),
      died: fail,
    }, name);
    const answer = async (): Promise<Answer | null> => {
      if (answers.length === 0 && !hasFailed) {
        await new Promise<void>((resolve) => wake = resolve);
      }
      return answers.shift() ?? null;
    };
    return { tell: (message) => worker.postMessage(message), answer };
  }

  /** Waits for answers, but not for ever: null when the patience is over. */
  async within<T>(what: string, answers: Promise<T>): Promise<T | null> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const patience = new Promise<null>((resolve) => {
      timer = setTimeout(() => {
        this.failures.push(`${what} were still running after ${PATIENCE_MS / 1000} s: a hang`);
        resolve(null);
      }, PATIENCE_MS);
    });
    const first = await Promise.race([answers, patience]);
    clearTimeout(timer);
    return first;
  }

  /** A member that has posted its failure closes, and does nothing else. */
  #evict(name: string, stopped: boolean): void {
    for (const { token, label } of this.#arena.contexts()) {
      if (label !== name) continue;
      if (stopped) this.#arena.evict(token, { stopped });
      else this.#arena.expel(token);
    }
  }
}

function isFailure(message: unknown): message is WorkFailure {
  return typeof message === "object" && message !== null && "failed" in message;
}
