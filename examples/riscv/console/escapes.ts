/**
 * Ctrl-A on the console, as in QEMU: the byte after it is for the program, not for the guest.
 *
 * @module
 */

const CTRL_A = 1;

/** What follows Ctrl-A. */
export type Escape = "exit" | "monitor" | "help";

const ESCAPES: Readonly<Record<string, Escape>> = {
  x: "exit",
  c: "monitor",
  h: "help",
  "?": "help",
};

/** What `Ctrl-A h` prints. */
export const ESCAPE_HELP = `
Ctrl-A h    print this help
Ctrl-A x    end the run
Ctrl-A c    switch between console and monitor
Ctrl-A Ctrl-A  send Ctrl-A
`;

/** Splits what is typed into bytes for the guest and escapes. */
export class EscapeFilter {
  #isEscaped = false;

  /**
   * Takes typed bytes, in any pieces.
   *
   * @returns Runs of bytes and escapes, in order. What follows Ctrl-A and means nothing is dropped.
   */
  *take(typed: Uint8Array): Generator<Uint8Array | Escape> {
    let plain: number[] = [];
    for (const byte of typed) {
      if (!this.#isEscaped && byte === CTRL_A) {
        this.#isEscaped = true;
        continue;
      }
      if (!this.#isEscaped || byte === CTRL_A) plain.push(byte);
      else {
        const escape = ESCAPES[String.fromCharCode(byte).toLowerCase()];
        if (escape !== undefined) {
          if (plain.length > 0) yield Uint8Array.from(plain);
          plain = [];
          yield escape;
        }
      }
      this.#isEscaped = false;
    }
    if (plain.length > 0) yield Uint8Array.from(plain);
  }
}
