/** Ending a run early. */

const EXIT_INTERRUPTED = 130;

/**
 * Aborted at the first Ctrl-C, so that the program can end its run and print the report so far. The
 * second Ctrl-C ends the program at once.
 */
export function interruptSignal(): AbortSignal {
  const controller = new AbortController();
  Deno.addSignalListener("SIGINT", () => {
    if (controller.signal.aborted) Deno.exit(EXIT_INTERRUPTED);
    controller.abort();
  });
  return controller.signal;
}
