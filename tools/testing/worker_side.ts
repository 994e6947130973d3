/**
 * The worker's half of the test harness; {@link ./workers.ts} is the test's half. A test worker
 * file:
 *
 * ```ts ignore
 * /// <reference lib="deno.worker" />
 * import { serve } from "#tools/testing/worker_side.ts";
 *
 * const setup = (data: { memory: WebAssembly.Memory }) => ({
 *   add(a: number, b: number): number {
 *     return a + b + data.memory.buffer.byteLength;
 *   },
 * });
 * export type Setup = typeof setup;
 * serve(setup);
 * ```
 *
 * Import it before any module that awaits at its top level: messages that arrive during such an
 * await are lost unless a listener is there, and this module installs one as it loads.
 *
 * @module
 */

/// <reference lib="deno.worker" />

/** The functions that a worker serves, by name. */
// deno-lint-ignore no-explicit-any -- a constraint that any parameter list satisfies
export type Functions = Record<string, (...args: any[]) => unknown>;

/** What the test sends. */
export type ToWorker =
  | { kind: "setup"; data: unknown }
  | { kind: "call"; id: number; name: string; args: unknown[] }
  | { kind: "stop" };

/** What the worker sends. */
export type FromWorker =
  | { kind: "returned"; id: number; value: unknown }
  | { kind: "threw"; id: number; error: ErrorText }
  | { kind: "messageerror" }
  | { kind: "closing" };

/** An error as text: a clone would lose its class and its name. */
export interface ErrorText {
  name: string;
  message: string;
  stack: string;
}

/**
 * Thrown by a served function to end the worker in the middle of it: nothing that the function
 * holds is given back but what its own `finally` blocks give back. The worker closes as it dies,
 * since Deno prints an uncaught error of a worker whether it is handled or not. Any other error
 * that a function throws is caught and sent to the caller.
 */
export class Death extends Error {
  override name = "Death";
}

/**
 * Resolves with the next error that nothing in this worker catches. The worker then lives on, and
 * Deno prints nothing.
 */
export function nextUncaughtError(): Promise<Error> {
  return new Promise((resolve) => {
    self.addEventListener("error", (event) => {
      event.preventDefault();
      resolve(event.error);
    }, { once: true });
  });
}

let answer: ((message: ToWorker) => void) | undefined;
const early: ToWorker[] = [];

const post = (message: FromWorker): void => self.postMessage(message);

// The test learns of a self.close() by this message alone: the platform sends no event for it, and
// what is posted after the close is dropped.
const close = self.close.bind(self);
self.close = () => {
  post({ kind: "closing" });
  close();
};

self.addEventListener("message", (event: MessageEvent<ToWorker>) => {
  if (answer) answer(event.data);
  else early.push(event.data);
});
self.addEventListener("messageerror", () => post({ kind: "messageerror" }));

function asText(error: unknown): ErrorText {
  if (!(error instanceof Error)) {
    return { name: "non-Error", message: Deno.inspect(error), stack: "" };
  }
  return { name: error.name, message: error.message, stack: error.stack ?? "" };
}

/**
 * Serves the functions that `setup` returns to the test, by name, until it asks to stop. `setup`
 * gets the data that the test passed to `spawn`. Calls are started in the order in which they come;
 * one that awaits does not hold up the next.
 */
export function serve<Data>(setup: (data: Data) => Functions | Promise<Functions>): void {
  let functions: Functions | Promise<Functions>;
  const call = async (id: number, name: string, args: unknown[]): Promise<void> => {
    try {
      const target = (await functions)[name];
      if (!target) throw new TypeError(`The worker serves no function "${name}"`);
      post({ kind: "returned", id, value: await target(...args) });
    } catch (error) {
      if (error instanceof Death) {
        self.close();
        throw error;
      }
      post({ kind: "threw", id, error: asText(error) });
    }
  };
  answer = (message) => {
    if (message.kind === "setup") functions = setup(message.data as Data);
    else if (message.kind === "call") call(message.id, message.name, message.args);
    else self.close();
  };
  for (const message of early.splice(0)) answer(message);
}
