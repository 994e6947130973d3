/**
 * The loop of the device worker: it serves the harts' accesses, and lets its event loop run in between.
 *
 * @module
 */

import type { DeviceBoard } from "./device_board.ts";

/** The longest block without an access: input and timers wait as long. */
const IDLE_MS = 10;
/** How long accesses are served without a look at the event loop. */
const BURST_MS = 20;

/**
 * Serves until `isEnded`. A block is faster than the event loop, which wakes a worker in twice the time;
 * but only the event loop takes messages, fires timers and runs what was deferred to a grace period.
 *
 * @param between Called before each turn of the event loop.
 * @returns How many accesses were served.
 */
export async function serveDevices(
  board: DeviceBoard,
  isEnded: () => boolean,
  between: () => void,
): Promise<number> {
  const turn = new EventLoopTurn();
  let total = 0;
  while (!isEnded()) {
    const burst = performance.now() + BURST_MS;
    let served: number;
    do {
      served = board.access.serve(IDLE_MS);
      total += served;
    } while (served > 0 && performance.now() < burst && !isEnded());
    between();
    await turn.next();
  }
  turn.close();
  return total;
}

/** A turn of the event loop, without the millisecond that a timer takes. */
class EventLoopTurn {
  readonly #channel = new MessageChannel();
  #resume = () => {};

  constructor() {
    this.#channel.port1.onmessage = () => this.#resume();
  }

  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#resume = resolve;
      this.#channel.port2.postMessage(null);
    });
  }

  close(): void {
    this.#channel.port1.close();
  }
}
