/**
 * Workers of Deno and of browsers.
 *
 * @module
 */

import type { Host } from "./host.ts";

/**
 * @param worker The module of the worker.
 * @param terminatesRunning Whether this is a browser: in Deno a worker runs on that is terminated in a
 * loop.
 */
export function webHost(worker: string, terminatesRunning: boolean, memory: Host["memory"]): Host {
  return {
    terminatesRunning,
    reportsStops: false,
    memory,
    start(data) {
      const started = new Worker(worker, { type: "module" });
      started.addEventListener("error", (event) => event.preventDefault());
      started.postMessage(data);
      return { terminate: () => started.terminate() };
    },
  };
}
