/**
 * One line that says how far a program is, drawn again in place.
 *
 * @module
 */

import { unicodeWidth } from "@std/cli/unicode-width";
import type { Screen } from "./screen.ts";
import { wrap } from "./wrap.ts";

const SEPARATOR = " | ";
/** The line is drawn at most this often. */
const INTERVAL_MS = 100;
const ERASE = "\r\x1b[K";

/** The parts of a line that fit into a number of columns; the most important come first. */
export function fitParts(parts: readonly string[], columns: number): string {
  let line = cut(parts[0] ?? "", columns);
  for (const part of parts.slice(1)) {
    const longer = line + SEPARATOR + part;
    if (unicodeWidth(longer) > columns) break;
    line = longer;
  }
  return line;
}

function cut(text: string, columns: number): string {
  let line = "";
  for (const character of text) {
    if (unicodeWidth(line + character) > columns) break;
    line += character;
  }
  return line;
}

/** A bar of `width` columns that shows a share of the work. */
export function progressBar(done: number, total: number, width: number): string {
  const filled = Math.min(width, Math.floor(width * done / Math.max(total, 1)));
  return `[${"#".repeat(filled)}${"-".repeat(width - filled)}]`;
}

/** A status line. Where there is no terminal, only `say` writes. */
export class StatusLine {
  readonly #screen: Screen;
  readonly #now: () => number;
  #last = -Infinity;
  #isDrawn = false;

  /** @param now A clock in milliseconds. */
  constructor(screen: Screen, now: () => number = () => performance.now()) {
    this.#screen = screen;
    this.#now = now;
  }

  /**
   * Shows the state. A line never wraps: its last column stays free, and parts that do not fit are left
   * out.
   *
   * @param parts The most important first.
   */
  show(parts: readonly string[]): void {
    const columns = this.#screen.columns();
    const now = this.#now();
    if (columns === undefined || now - this.#last < INTERVAL_MS) return;
    this.#last = now;
    this.#isDrawn = true;
    this.#screen.write(ERASE + fitParts(parts, columns - 1));
  }

  /** Prints a line that stays. On a terminal it is broken between words. */
  say(line: string): void {
    this.clear();
    const columns = this.#screen.columns();
    const lines = columns === undefined ? [line] : wrap(line, columns - 1);
    this.#screen.write(`${lines.join("\n")}\n`);
  }

  /** Removes the line. */
  clear(): void {
    if (this.#isDrawn) this.#screen.write(ERASE);
    this.#isDrawn = false;
    this.#last = -Infinity;
  }
}
