/**
 * Whether this context may block.
 *
 * @module
 */

import { detectBlocking } from "../arena/lock.ts";

let blocking: boolean | undefined;

/** False on a browser's main thread, where `Atomics.wait` and `memory.atomic.wait32` throw. */
export function canBlock(): boolean {
  return blocking ??= detectBlocking();
}
