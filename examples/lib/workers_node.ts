/**
 * {@link ./workers.ts} for Node, which has no global `Worker`.
 *
 * @module
 */

import { parentPort, Worker } from "node:worker_threads";

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
