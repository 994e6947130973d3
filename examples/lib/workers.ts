/**
 * Starts workers: hands a worker its data, delivers its messages, and reports its failures. For
 * Deno and browsers; `workers_node.ts` is the same for Node, which has no global `Worker`.
 *
 * @module
 */

/// <reference lib="deno.worker" />

import type { WorkerListener, WorkerPort } from "./worker_port.ts";

/** Delivers a worker's messages and failures to a listener. */
export function listen<Message>(
  worker: Pick<Worker, "addEventListener">,
  listener: WorkerListener<Message>,
): void {
  worker.addEventListener("message", ({ data }) => listener.message(data));
  worker.addEventListener(
    "messageerror",
    () => listener.unreadable("sent a message that cannot be deserialised"),
  );
  worker.addEventListener("error", (event) => {
    event.preventDefault(); // or the runtime ends this context too
    const { message, filename, lineno } = event;
    listener.died(`died of an uncaught error: ${message} (${filename}:${lineno})`);
  });
}

/**
 * Starts a worker and posts it what it needs to begin.
 *
 * @param url The worker's module: `import.meta.resolve("./worker.ts")`.
 * @param data Structured-cloneable.
 * @param name Shown by debuggers, and in the runtime's own reports.
 * @param transfer Buffers in `data` that move to the worker instead of being copied.
 */
export function startWorker<Message>(
  url: string | URL,
  data: unknown,
  listener: WorkerListener<Message>,
  name?: string,
  transfer: Transferable[] = [],
): Worker {
  const worker = new Worker(url, { type: "module", ...(name === undefined ? {} : { name }) });
  listen(worker, listener);
  worker.postMessage(data, transfer);
  return worker;
}

/**
 * Starts a worker that is to answer once, and terminates it after that.
 *
 * @param url The worker's module.
 * @param data What it needs to begin; structured-cloneable. Sent before this returns, so the caller
 * may then block.
 * @returns Its answer. Rejects if the worker fails first.
 */
export async function ask<Answer>(url: string | URL, data: unknown): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const fail = (reason: string) => reject(new Error(`The worker ${url} ${reason}`));
  const worker = startWorker<Answer>(url, data, {
    message: resolve,
    unreadable: fail,
    died: fail,
  });
  try {
    return await promise;
  } finally {
    worker.terminate();
  }
}

/** In a worker: its own end. */
export function ownPort<Said, Heard>(): WorkerPort<Said, Heard> {
  return {
    post: (message) => self.postMessage(message),
    hear: (listener) => {
      self.onmessage = ({ data }: MessageEvent<Heard>) => listener(data);
    },
  };
}

/** In a worker: answers the one message that {@linkcode ask} sends. */
export function answer<Data>(give: (data: Data) => unknown): void {
  self.onmessage = async ({ data }: MessageEvent<Data>) => self.postMessage(await give(data));
}
