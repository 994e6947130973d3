/**
 * A hint for spin loops.
 *
 * @module
 */

/** Tells the processor that this is a spin loop, where the host offers `Atomics.pause`. */
export const pause: () => void = (Atomics as { pause?: () => void }).pause ?? (() => {});
