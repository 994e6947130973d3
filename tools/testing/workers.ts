/**
 * The one way in which tests start workers. Whatever goes wrong in a worker fails the test: an
 * uncaught error, a message that cannot be read, a call that rejects and that nobody awaited, a
 * call still unanswered at the end, a worker that does not stop.
 *
 * Workers are stopped by asking them: one that is terminated while it waits or spins may keep the
 * process from exiting.
 *
 * ```ts ignore
 * import type { Setup } from "./adder_test_worker.ts";
 *
 * Deno.test("a worker adds", () =>
 *   withWorkers(async (workers) => {
 *     const adder = workers.spawn<Setup>(import.meta.resolve("./adder_test_worker.ts"), { memory });
 *     assertEquals(await adder.call("add", 1, 2), 3);
 *   }));
 * ```
 *
 * @module
 */

import { listen } from "../../examples/lib/workers.ts";
import { LIMIT_MS } from "./schedule.ts";
import type { ErrorText, FromWorker, Functions, ToWorker } from "./worker_side.ts";

/** The type of the function that a worker file passes to `serve`. */
// deno-lint-ignore no-explicit-any -- a constraint that any parameter satisfies
export type AnySetup = (data: any) => Functions | Promise<Functions>;

/** The functions that a setup returns. */
type Served<S extends AnySetup> = Awaited<ReturnType<S>>;

/** An error thrown by a function inside a worker; the message starts with the error's own name. */
export class WorkerError extends Error {
  override name = "WorkerError";
  /** The `name` of the error in the worker. */
  readonly remoteName: string;

  constructor(where: string, error: ErrorText) {
    super(`${error.name}: ${error.message} (in ${where})\n${error.stack}`);
    this.remoteName = error.name;
  }
}

/** Failures of a test's workers that the test itself has not seen. */
export class WorkersFailedError extends Error {
  override name = "WorkersFailedError";
  /** One line for each failure. */
  readonly failures: readonly string[];

  constructor(failures: readonly string[], options?: ErrorOptions) {
    super(`Workers failed:\n${failures.map((line) => `- ${line}`).join("\n")}`, options);
    this.failures = failures;
  }
}

/** The answer to a call. Records whether anybody awaits it. */
class Answer<T> extends Promise<T> {
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  /** Whether somebody awaits the answer, and so sees a rejection. */
  observed = false;

  // An await of a subclass goes through then(), so this sees it.
  override then<A = T, B = never>(
    onfulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    onrejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.observed = true;
    return super.then(onfulfilled, onrejected);
  }

  /** Keeps a rejection that nobody awaits from being reported by the runtime as well. */
  silence(): void {
    super.then(null, () => {});
  }
}

interface Call {
  readonly name: string;
  readonly answer: Answer<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly timer: ReturnType<typeof setTimeout>;
}

/** What {@link WorkerHandle} needs of a worker; tests of the harness pass a fake. */
export type WorkerLike = Pick<Worker, "addEventListener" | "postMessage">;

/** A running test worker. */
export class WorkerHandle<S extends AnySetup = AnySetup> {
  /** Resolves when the worker has stopped or died. Never rejects. */
  readonly ended: Promise<void>;

  readonly #worker: WorkerLike;
  readonly #name: string;
  readonly #limitMs: number;
  readonly #pending = new Map<number, Call>();
  readonly #failures: string[] = [];
  readonly #rejected: { line: string; answer: Answer<unknown> }[] = [];
  readonly #end: () => void;
  #calls = 0;
  #over = false;
  #stopping = false;
  #deathExpected = false;
  #died = false;

  constructor(worker: WorkerLike, name: string, limitMs: number, data: unknown) {
    this.#worker = worker;
    this.#name = name;
    this.#limitMs = limitMs;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    this.#end = resolve;
    listen<FromWorker>(worker, {
      message: (message) => this.#receive(message),
      unreadable: (reason) => this.#failures.push(`${name} ${reason}`),
      died: (reason) => this.#die(reason),
    });
    this.#post({ kind: "setup", data });
  }

  /**
   * Runs a function in the worker. The message is sent before this returns, so the caller may then
   * block. Rejects with {@link WorkerError} if the function throws, or if the worker dies, or if
   * there is no answer within the limit.
   */
  call<K extends keyof Served<S> & string>(
    name: K,
    ...args: Parameters<Served<S>[K]>
  ): Promise<Awaited<ReturnType<Served<S>[K]>>> {
    const id = this.#calls++;
    let resolve!: (value: unknown) => void;
    let reject!: (error: Error) => void;
    const answer = new Answer<unknown>((yes, no) => [resolve, reject] = [yes, no]);
    answer.silence();
    const timer = setTimeout(() => this.#expire(id), this.#limitMs);
    this.#pending.set(id, { name, answer, resolve, reject, timer });
    if (this.#over) this.#reject(id, `has ended, so it cannot run "${name}"`);
    else this.#post({ kind: "call", id, name, args });
    return answer as Promise<Awaited<ReturnType<Served<S>[K]>>>;
  }

  /**
   * Declares that this worker is meant to die, by `self.close()`, a `Death` or an uncaught error.
   */
  expectDeath(): void {
    this.#deathExpected = true;
  }

  /** Asks the worker to stop and waits until it has, but no longer than the limit. */
  async stop(): Promise<void> {
    if (!this.#over && !this.#stopping) {
      this.#stopping = true;
      this.#post({ kind: "stop" });
    }
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(true), this.#limitMs);
    });
    const stuck = await Promise.race([this.ended.then(() => false), late]);
    clearTimeout(timer);
    if (stuck) this.#failures.push(`${this.#name} did not stop within ${this.#limitMs} ms`);
  }

  /** Stops the worker and returns a line for each failure that no caller has seen. */
  async finish(): Promise<string[]> {
    const busy = [...this.#pending.values()].map(({ name }) => name);
    await this.stop();
    for (const [id, { timer }] of this.#pending) {
      clearTimeout(timer);
      this.#pending.delete(id);
    }
    if (this.#deathExpected && !this.#died) {
      this.#failures.push(`${this.#name} was expected to die and did not`);
    }
    return [
      ...this.#failures,
      ...(this.#died ? [] : busy.map((name) => `${this.#name} is still busy with "${name}"`)),
      ...this.#rejected.filter(({ answer }) => !answer.observed).map(({ line }) => line),
    ];
  }

  #post(message: ToWorker): void {
    this.#worker.postMessage(message);
  }

  #receive(message: FromWorker): void {
    if (message.kind === "messageerror") {
      this.#failures.push(`${this.#name} received a message that cannot be deserialised`);
      return;
    }
    if (message.kind === "closing") {
      if (this.#stopping) return this.#finished();
      return this.#die("closed itself");
    }
    const call = this.#pending.get(message.id);
    if (!call) return;
    if (message.kind === "threw") {
      const where = `"${call.name}" of ${this.#name}`;
      return this.#settle(message.id, new WorkerError(where, message.error));
    }
    clearTimeout(call.timer);
    this.#pending.delete(message.id);
    call.resolve(message.value);
  }

  #expire(id: number): void {
    this.#reject(id, `did not answer within ${this.#limitMs} ms`);
  }

  #die(how: string): void {
    this.#died = true;
    if (!this.#deathExpected) this.#failures.push(`${this.#name} ${how}`);
    for (const id of [...this.#pending.keys()]) this.#reject(id, how);
    this.#finished();
  }

  #finished(): void {
    this.#over = true;
    this.#end();
  }

  /** Rejects a call because of the worker, not of the function. */
  #reject(id: number, what: string): void {
    const where = `"${this.#pending.get(id)!.name}" of ${this.#name}`;
    const error = { name: "no answer", message: `the worker ${what}`, stack: "" };
    this.#settle(id, new WorkerError(where, error));
  }

  #settle(id: number, error: WorkerError): void {
    const { answer, reject, timer } = this.#pending.get(id)!;
    clearTimeout(timer);
    this.#pending.delete(id);
    const expected = this.#died && this.#deathExpected;
    if (!expected) this.#rejected.push({ line: `nobody awaited: ${error.message}`, answer });
    reject(error);
  }
}

/** The workers of one test. Use {@link withWorkers} where a callback will do. */
export class TestWorkers {
  readonly #limitMs: number;
  readonly #handles: WorkerHandle[] = [];

  /**
   * @param options `limitMs` bounds each call and each join: it only turns a hang into a failure.
   */
  constructor(options: { limitMs?: number } = {}) {
    this.#limitMs = options.limitMs ?? LIMIT_MS;
  }

  /**
   * Starts a worker.
   *
   * @param url of the worker's file: `import.meta.resolve("./x_test_worker.ts")`
   * @param data passed to the worker's setup by structured clone
   */
  spawn<S extends AnySetup = AnySetup>(url: string, data?: Parameters<S>[0]): WorkerHandle<S> {
    const name = `worker ${this.#handles.length} (${url.slice(url.lastIndexOf("/") + 1)})`;
    const worker = new Worker(url, { type: "module", name });
    const handle = new WorkerHandle<S>(worker, name, this.#limitMs, data);
    this.#handles.push(handle as unknown as WorkerHandle);
    return handle;
  }

  /** Stops and joins all workers. Throws {@link WorkersFailedError} if anything went wrong. */
  async close(): Promise<void> {
    const finished = await Promise.all(this.#handles.splice(0).map((handle) => handle.finish()));
    const failures = finished.flat();
    if (failures.length > 0) throw new WorkersFailedError(failures);
  }

  /** The same as {@link close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/**
 * Runs a test with workers and closes them. If the body throws, its error is thrown, with what the
 * workers had to report as a second error: a worker's failure is often why the body failed.
 */
export async function withWorkers<T>(
  body: (workers: TestWorkers) => T | Promise<T>,
  options?: { limitMs?: number },
): Promise<T> {
  const workers = new TestWorkers(options);
  let result: T;
  try {
    result = await body(workers);
  } catch (error) {
    await workers.close().catch((other) => {
      throw new AggregateError([error, other], `${error}\n${other.message}`, { cause: error });
    });
    throw error;
  }
  await workers.close();
  return result;
}
