/**
 * Host addresses: numbers that name a byte of host memory in every context.
 *
 * @module
 */

/** Host address of the first byte of window 0; the windows follow one another from there. */
export const HOST_WINDOWS = 2 ** 46;

/** Host addresses of callers' buffers begin here. */
export const HOST_BUFFERS = 2 ** 47;
