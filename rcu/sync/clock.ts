/**
 * The clock by which waits and reports measure time.
 *
 * @module
 */

/** Milliseconds that never go back; two contexts read nearly the same value at the same moment. */
export type Clock = () => number;

/** Milliseconds since the epoch, as of this context's start; unmoved by changes of the system time. */
export const monotonicClock: Clock = () => performance.timeOrigin + performance.now();
