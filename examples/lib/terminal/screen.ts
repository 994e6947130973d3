/**
 * The terminal that a program runs in, if it runs in one.
 *
 * @module
 */

/** Where a program shows how far it is. */
export interface Screen {
  /** Writes text as it is. */
  write(text: string): void;
  /** Columns of the terminal at this moment; undefined if it is no terminal. */
  columns(): number | undefined;
  /** Whether colours are wanted: it is a terminal, and `NO_COLOR` is not set. */
  readonly hasColours: boolean;
}

/** Exit status of a program whose reader went away; what a shell reports for a SIGPIPE. */
const EXIT_BROKEN_PIPE = 141;
/** Where the width of a terminal cannot be found out. */
const DEFAULT_COLUMNS = 80;

type Stream = typeof Deno.stdout;

/** The screen behind a stream of this process. */
export function screenOf(stream: Stream): Screen {
  const isTerminal = stream.isTerminal();
  return {
    write: (text) => writeAll(stream, new TextEncoder().encode(text)),
    columns: () => isTerminal ? terminalColumns() : undefined,
    hasColours: isTerminal && !Deno.noColor,
  };
}

function terminalColumns(): number {
  try {
    return Deno.consoleSize().columns || DEFAULT_COLUMNS;
  } catch {
    return DEFAULT_COLUMNS;
  }
}

/** Writes all bytes. If the other end of the pipe is closed, as by `head`, the program ends quietly. */
export function writeAll(stream: Stream, bytes: Uint8Array): void {
  try {
    for (let at = 0; at < bytes.length;) at += stream.writeSync(bytes.subarray(at));
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) Deno.exit(EXIT_BROKEN_PIPE);
    throw error;
  }
}
