/** A progress bar on standard error if that is a terminal, else nothing. */
export class Progress {
  readonly #total: number;
  readonly #shown: boolean;
  #last = 0;

  /** @param total How many steps there are. */
  constructor(total: number) {
    this.#total = total;
    this.#shown = Deno.stderr.isTerminal();
  }

  /** Shows the number of steps done and the current one, at most ten times a second. */
  show(done: number, what: string): void {
    const now = performance.now();
    if (!this.#shown || (now - this.#last < 100 && done < this.#total)) return;
    this.#last = now;
    const bar = "#".repeat(Math.floor((done / this.#total) * WIDTH)).padEnd(WIDTH, ".");
    this.#write(`\r\x1b[K[${bar}] ${done}/${this.#total} ${what}`);
  }

  /** Removes the bar. */
  clear(): void {
    if (this.#shown) this.#write("\r\x1b[K");
  }

  #write(text: string): void {
    Deno.stderr.writeSync(new TextEncoder().encode(text));
  }
}

const WIDTH = 30;
