/**
 * Workers in Node, which has no global `Worker`.
 *
 * @module
 */

import { parentPort, Worker } from "node:worker_threads";

/** Starts a worker, posts it `data`, and waits for its answer. */
export async function ask<Answer>(url: string | URL, data: unknown): Promise<Answer> {
  const worker = new Worker(new URL(url));
  try {
    return await new Promise((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("messageerror", reject);
      worker.once("error", reject);
      worker.once("exit", (code) => reject(new Error(`${url} ended with ${code}`)));
      worker.postMessage(data);
    });
  } finally {
    await worker.terminate();
  }
}

/** In a worker: answers what it is asked. */
export function answer<Data>(give: (data: Data) => unknown): void {
  parentPort!.on("message", (data: Data) => parentPort!.postMessage(give(data)));
}
