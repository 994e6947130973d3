/**
 * What happens to an error that has no caller.
 *
 * @module
 */

/** Makes an error an uncaught error of this context, as if a listener of an event had thrown it. */
export function reportUncaught(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
