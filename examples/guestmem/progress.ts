/** A progress bar on a terminal's standard error; nothing elsewhere. */
export class Progress {
  readonly #total: number;
  readonly #shown: boolean;
  #last = 0;

  /** @param total How many steps there are. */
  constructor(total: number) {
    this.#total = total;
    this.#shown = Deno.stderr.isTerminal();
  }

  /** Shows that `done` steps are done and what the current one is; at most ten times a second. */
  show(done: number, what: string): void {
    const now = performance.now();
    if (!this.#shown || (now - this.#last < 100 && done < this.#total)) return;
    this.#last = now;
    const bar = "#".repeat(Math.floor((done / this.#total) * WIDTH)).padEnd(WIDTH, ".");
    this.#write(`\r\x1b[K[${bar}] ${done}/${this.#total} ${what}`);
  }

  /** Takes the bar off the screen. */
  clear(): void {
    if (this.#shown) this.#write("\r\x1b[K");
  }

  #write(text: string): void {
    Deno.stderr.writeSync(new TextEncoder().encode(text));
  }
}

const WIDTH = 30;
