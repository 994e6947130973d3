/**
 * Workers in Deno and in browsers.
 *
 * @module
 */

/// <reference lib="deno.worker" />

/** Starts a worker, posts it `data`, and waits for its answer. */
export async function ask<Answer>(url: string | URL, data: unknown): Promise<Answer> {
  const worker = new Worker(url, { type: "module" });
  try {
    return await new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onmessageerror = () => reject(new Error(`Cannot read the answer of ${url}`));
      worker.onerror = (event) => reject(new Error(`${url}: ${event.message}`));
      worker.postMessage(data);
    });
  } finally {
    worker.terminate();
  }
}

/** In a worker: answers what it is asked. */
export function answer<Data>(give: (data: Data) => unknown): void {
  self.onmessage = ({ data }: MessageEvent<Data>) => self.postMessage(give(data));
}
