/**
 * The workers of a run.
 *
 * @module
 */

import type { Arena } from "@guestmem/rcu";
import type { Message, Order, ReaderResult, UpdaterResult } from "./messages.ts";

/** Workers that do not come to an end so many milliseconds after they were asked to are given up. */
const PATIENCE_MS = 30_000;

/** The workers of a run and what became of them. */
export class Crew {
  /** Results of the workers that came to their end. */
  readonly results: (ReaderResult | UpdaterResult)[] = [];
  /** What went wrong with workers as such. */
  readonly failures: string[] = [];
  readonly #arena: Arena;
  readonly #tokens = new Map<number, number>();
  readonly #ready: Promise<void>[] = [];
  readonly #ended: Promise<void>[] = [];

  /** @param arena Where a worker that dies is evicted, so that the others do not wait for it. */
  constructor(arena: Arena) {
    this.#arena = arena;
  }

  /** Starts a worker. */
  spawn(order: Order): void {
    const worker = new Worker(import.meta.resolve("./worker.ts"), { type: "module" });
    const name = `${order.role} ${order.worker}`;
    const ready = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<void>();
    this.#ready.push(ready.promise);
    this.#ended.push(ended.promise);
    const fail = (what: string): void => {
      this.failures.push(`${name} ${what}`);
      this.#evict(order.worker);
      ready.resolve();
      ended.resolve();
    };
    worker.onmessage = ({ data }: MessageEvent<Message>) => {
      if (data.kind === "ready") {
        this.#tokens.set(order.worker, data.token);
        ready.resolve();
      } else {
        this.results.push(data.result);
        ended.resolve();
      }
    };
    worker.onmessageerror = () => fail("sent what cannot be read");
    worker.onerror = (event) => {
      event.preventDefault();
      fail(`died: ${event.message}`);
    };
    worker.postMessage(order);
  }

  /** Resolves when every worker stands at the start or has failed. */
  async ready(): Promise<void> {
    await Promise.all(this.#ready);
  }

  /** Resolves when every worker that was asked to stop has, or is given up. */
  async ended(): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        this.failures.push(`workers were still running after ${PATIENCE_MS / 1000} s: a hang`);
        resolve();
      }, PATIENCE_MS);
    });
    await Promise.race([Promise.all(this.#ended), patience]);
    clearTimeout(timer);
  }

  #evict(worker: number): void {
    const token = this.#tokens.get(worker);
    if (token !== undefined) this.#arena.evict(token);
  }
}
