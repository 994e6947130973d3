import { screenOf } from "../lib/terminal/screen.ts";
import { progressBar, StatusLine } from "../lib/terminal/status_line.ts";

const WIDTH = 16;

/** A progress bar on standard error if that is a terminal, else nothing. */
export class Progress {
  readonly #total: number;
  readonly #line = new StatusLine(screenOf(Deno.stderr));

  /** @param total How many steps there are. */
  constructor(total: number) {
    this.#total = total;
  }

  /** Shows the number of steps done and the current one. */
  show(done: number, what: string): void {
    this.#line.show([`${progressBar(done, this.#total, WIDTH)} ${done}/${this.#total}`, what]);
  }

  /** Removes the bar. */
  clear(): void {
    this.#line.clear();
  }
}
