/**
 * The workers of a run.
 *
 * @module
 */

import type { Arena } from "@guestmem/rcu";

/** Workers that do not come to an end so many milliseconds after they were asked to are given up. */
const PATIENCE_MS = 30_000;

/** A worker and what it says. */
export interface Member<Answer> {
  /** Tells it something. */
  tell(message: unknown): void;
  /** What it says next; null if it died, or is given up. */
  answer(): Promise<Answer | null>;
}

/** See the module. */
export class Crew {
  /** What went wrong with workers as such. */
  readonly failures: string[] = [];
  readonly #arena: Arena;

  /** @param arena Where workers that die are evicted, so that nobody waits for them. */
  constructor(arena: Arena) {
    this.#arena = arena;
  }

  /** Starts a worker, which attaches to the arena with its name as its label. */
  spawn<Answer>(name: string, url: string): Member<Answer> {
    const worker = new Worker(url, { type: "module" });
    const answers: Answer[] = [];
    let failed = false;
    let wake = () => {};
    const fail = (what: string): void => {
      this.failures.push(`${name} ${what}`);
      failed = true;
      this.#evict(name);
      wake();
    };
    worker.onmessage = ({ data }: MessageEvent<Answer>) => {
      answers.push(data);
      wake();
    };
    worker.onmessageerror = () => fail("sent what cannot be read");
    worker.onerror = (event) => {
      event.preventDefault();
      fail(`died: ${event.message}`);
    };
    const answer = async (): Promise<Answer | null> => {
      if (answers.length === 0 && !failed) {
        await new Promise<void>((resolve) => wake = resolve);
      }
      return answers.shift() ?? null;
    };
    return { tell: (message) => worker.postMessage(message), answer };
  }

  /** Waits for answers, but not for ever. */
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

  #evict(name: string): void {
    for (const { token, label } of this.#arena.contexts()) {
      if (label === name) this.#arena.evict(token);
    }
  }
}
