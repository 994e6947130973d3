/**
 * What a person sees of a run: one line, redrawn in place on a terminal, printed once a second
 * elsewhere.
 *
 * @module
 */

/** The state of a run. */
export interface Status {
  readonly elapsed: number;
  readonly seconds: number;
  /** Accesses a second, of each vCPU. */
  readonly rates: readonly number[];
  readonly commits: number;
  readonly gracePeriods: number;
  /** Bytes that wait for a grace period, and bytes reclaimed after one. */
  readonly waiting: number;
  readonly reclaimed: number;
  readonly findings: number;
}

const BAR = 16;
/** Rates that fit in the line. */
const SHOWN = 4;
const PLAIN_EVERY_S = 1;

/** Formats the line. */
export function statusLine(status: Status): string {
  const { elapsed, seconds, rates, commits, gracePeriods, waiting, reclaimed, findings } = status;
  const done = Math.min(BAR, Math.floor(BAR * elapsed / seconds));
  const shown = rates.slice(0, SHOWN).map((rate) => `${(rate / 1e6).toFixed(1)}M`);
  const more = rates.length > SHOWN ? " ..." : "";
  return [
    `[${"#".repeat(done)}${"-".repeat(BAR - done)}] ${elapsed.toFixed(0)}/${seconds} s`,
    `accesses/s ${shown.join(" ")}${more}`,
    `commits ${commits}`,
    `grace periods ${gracePeriods}`,
    `waiting ${bytes(waiting)}`,
    `reclaimed ${bytes(reclaimed)}`,
    ...findings > 0 ? [`WRONG ${findings}`] : [],
  ].join(" | ");
}

function bytes(count: number): string {
  const units = ["B", "KB", "MB", "GB"];
  const power = Math.min(3, Math.floor(Math.log10(Math.max(count, 1)) / 3));
  return `${(count / 1000 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`;
}

/** Shows a run's state. */
export class Display {
  readonly #write: (text: string) => void;
  readonly #isTerminal: boolean;
  #last = -PLAIN_EVERY_S;

  /** @param write Takes text. @param isTerminal Whether a line can be redrawn. */
  constructor(write: (text: string) => void, isTerminal: boolean) {
    this.#write = write;
    this.#isTerminal = isTerminal;
  }

  /** Shows the state. */
  show(status: Status): void {
    if (this.#isTerminal) this.#write(`\r\x1b[K${statusLine(status)}`);
    else if (status.elapsed - this.#last >= PLAIN_EVERY_S) {
      this.#last = status.elapsed;
      this.#write(`${statusLine(status)}\n`);
    }
  }

  /** Prints a line. */
  say(line: string): void {
    this.clear();
    this.#write(`${line}\n`);
  }

  /** Removes the line that is drawn. */
  clear(): void {
    if (this.#isTerminal) this.#write("\r\x1b[K");
  }
}
