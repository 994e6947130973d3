/**
 * The loop of the device worker: it serves the harts' accesses, and lets its event loop run in between.
 *
 * @module
 */

import type { MemoryAccess, MemoryRegionOps } from "@guestmem/flatview";

/** A burst ends when no access came for this long. */
const IDLE_MS = 1;
/** It also ends after this long: input and timers must not wait for ever. */
const LONGEST_BURST_MS = 20;

/**
 * Serves accesses in two ways. Idle, it listens from the event loop, which also takes messages, fires
 * timers and runs what was deferred to a grace period. With the first access begins a burst, in which it
 * blocks between two accesses: that wakes it in half the time.
 */
export class DeviceLoop {
  /** Accesses that were served. */
  served = 0;
  readonly #access: MemoryAccess;
  #isEnded = false;
  #idle = new AbortController();

  constructor(access: MemoryAccess) {
    this.#access = access;
  }

  /** Binds a region's callbacks, as `MemoryAccess.bind` does; an access to them begins a burst. */
  bind(region: number, ops: MemoryRegionOps): void {
    this.#access.bind(region, this.#watched(ops));
  }

  /**
   * Serves until `end`.
   *
   * @param between Called after each burst.
   */
  async run(between: () => void): Promise<void> {
    while (!this.#isEnded) {
      this.#idle = new AbortController();
      await this.#access.listen(this.#idle.signal);
      this.#burst();
      between();
      // A timer, not a message to itself: the runtime looks for other workers' messages only when it
      // has nothing else to do.
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  }

  /** Ends the loop. */
  end(): void {
    this.#isEnded = true;
    this.#idle.abort();
  }

  #burst(): void {
    const end = performance.now() + LONGEST_BURST_MS;
    let served: number;
    do served = this.#access.serve(IDLE_MS); while (served > 0 && performance.now() < end);
  }

  /** The same callbacks; the first access ends the idle state. */
  #watched(ops: MemoryRegionOps): MemoryRegionOps {
    const note = () => {
      this.served++;
      this.#idle.abort();
    };
    return {
      ...ops,
      read: (offset, size, attrs) => {
        note();
        return ops.read!(offset, size, attrs);
      },
      write: (offset, value, size, attrs, upper) => {
        note();
        return ops.write!(offset, value, size, attrs, upper);
      },
    };
  }
}
