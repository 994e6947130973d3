/** Ending a run early. */

const EXIT_INTERRUPTED = 130;
/** One Ctrl-C arrives several times: from the terminal, and passed on by `npx` and `deno task`. */
const SAME_MS = 1000;

/**
 * Aborted at the first Ctrl-C, so that the program can end its run and print the report so far. A
 * second Ctrl-C, a second later or more, ends the program at once.
 */
export function interruptSignal(): AbortSignal {
  const controller = new AbortController();
  let first = Infinity;
  Deno.addSignalListener("SIGINT", () => {
    if (performance.now() - first > SAME_MS) Deno.exit(EXIT_INTERRUPTED);
    first = Math.min(first, performance.now());
    controller.abort();
  });
  return controller.signal;
}
