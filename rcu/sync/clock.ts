/**
 * The clock by which waits and reports measure time.
 *
 * @module
 */

/** Milliseconds that never go back. Two contexts count from different moments. */
export type Clock = () => number;

/** Milliseconds since this context's start, unmoved by changes of the system time. */
export const monotonicClock: Clock = () => performance.now();
