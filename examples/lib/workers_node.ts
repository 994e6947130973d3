/**
 * {@link ./workers.ts} for Node, which has no global `Worker`.
 *
 * @module
 */

import { parentPort, Worker } from "node:worker_threads";
import type { StartedWorker, WorkerListener, WorkerPort } from "./worker_port.ts";

/**
 * Starts a worker: see `StartWorker`. Its end is reported as a death as well, after all that it posted:
 * only the caller knows whether it has finished.
 */
export function startWorker<Message>(
  url: string | URL,
  data: unknown,
  listener: WorkerListener<Message>,
  name?: string,
  transfer: ArrayBuffer[] = [],
): StartedWorker {
  const worker = new Worker(new URL(url), name === undefined ? {} : { name });
  worker.on("message", (message: Message) => listener.message(message));
  worker.on(
    "messageerror",
    () => listener.unreadable("sent a message that cannot be deserialised"),
  );
  worker.on("error", (error) => listener.died(`died of an uncaught error: ${error}`));
  worker.on("exit", (code) => listener.died(`exited with ${code}`));
  worker.postMessage(data, transfer);
  return worker;
}

/** In a worker: its own end. */
export function ownPort<Said, Heard>(): WorkerPort<Said, Heard> {
  const port = parentPort!;
  let current: (message: Heard) => void = () => {};
  port.on("message", (message: Heard) => current(message));
  return {
    post: (message) => port.postMessage(message),
    hear: (listener) => {
      current = listener;
    },
  };
}

/** Starts a worker that is to answer once, and terminates it after that. */
export async function ask<Answer>(url: string | URL, data: unknown): Promise<Answer> {
  const worker = new Worker(new URL(url));
  try {
    return await new Promise((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("messageerror", reject);
      worker.once("error", reject);
      worker.once("exit", (code) => reject(new Error(`The worker ${url} exited with ${code}`)));
      worker.postMessage(data);
    });
  } finally {
    await worker.terminate();
  }
}

/** In a worker: answers the one message that {@linkcode ask} sends. */
export function answer<Data>(give: (data: Data) => unknown): void {
  parentPort!.on("message", async (data: Data) => parentPort!.postMessage(await give(data)));
}
