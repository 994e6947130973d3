/**
 * What a soak needs of a runtime.
 *
 * @module
 */

import type { SoakData } from "./plan.ts";

/** A worker that was started. */
export interface Started {
  /** Terminates it, wherever it is. */
  terminate(): void;
}

/** A runtime. */
export interface Host {
  /** Starts a worker that churns. `stopped` is called if the runtime says that it has stopped. */
  start(data: SoakData, stopped: () => void): Started;
  /** Whether `terminate` stops a worker that runs, and not only one that is idle. */
  readonly terminatesRunning: boolean;
  /** Whether `stopped` is called for certain; else the platform's locks say so. */
  readonly reportsStops: boolean;
  /** Bytes that the process has in memory, if the runtime says so. */
  memory(): number | undefined;
}
