/**
 * Workers of Node.
 *
 * @module
 */

import process from "node:process";
import { Worker } from "node:worker_threads";
import type { Host } from "./host.ts";

/** @param worker The module of the worker. */
export function nodeHost(worker: URL): Host {
  // Node from version 24 on has locks, which are to be used then.
  const hasLocks = (globalThis.navigator as { locks?: unknown } | undefined)?.locks !== undefined;
  return {
    terminatesRunning: true,
    reportsStops: !hasLocks,
    memory: () => process.memoryUsage().rss,
    start(data, stopped) {
      const started = new Worker(worker, { workerData: data, stderr: true });
      started.on("error", () => {});
      started.stderr.on("data", () => {});
      started.on("exit", stopped);
      return { terminate: () => void started.terminate() };
    },
  };
}
