import type { Clock } from "./adaptive_spin.ts";

/** An exit that has waited for long: what `MemoryAccess` passes to `onStall`. */
export interface ExitStall {
  /** Id of the region. */
  readonly region: number;
  /** Token of the context that was to answer. */
  readonly context: number;
  /** Milliseconds since the exit. */
  readonly elapsedMs: number;
}

/** How an endpoint measures time, and who is notified of stalls. */
export interface EndpointTiming {
  /** The clock. */
  readonly clock: Clock;
  /** How many threads can run at once. */
  readonly processors: number;
  /** Called once for each exit that is not answered for 5 seconds. */
  readonly onStall: (stall: ExitStall) => void;
}
