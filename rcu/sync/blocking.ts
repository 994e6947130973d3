/**
 * Whether this context may block.
 *
 * @module
 */

let blocking: boolean | undefined;

/** Tries it: there is no other way to know. */
function detectBlocking(): boolean {
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1, 0);
    return true;
  } catch {
    return false;
  }
}

/** False on a browser's main thread, where `Atomics.wait` and `memory.atomic.wait32` throw. */
export function canBlock(): boolean {
  return blocking ??= detectBlocking();
}
