/**
 * A report as a person reads it: rows of a name and a value.
 *
 * @module
 */

import { unicodeWidth } from "@std/cli/unicode-width";
import type { Screen } from "./screen.ts";
import { wrap } from "./wrap.ts";

/** One row. */
export type Row = readonly [name: string, value: string];

/** Wider text is hard to read. */
const MOST_COLUMNS = 100;
/** Names are set in a column of at most this width. */
const MOST_NAME = 26;

const GREEN = "\x1b[32m";
const RED = "\x1b[31m";
const RESET = "\x1b[0m";

/**
 * Formats a report.
 *
 * @param screen Where it is printed. On a terminal names are in a column and values are wrapped at
 * words; elsewhere each row is one line, as other programs like it.
 */
export function formatRows(rows: readonly Row[], screen?: Omit<Screen, "write">): string {
  const columns = screen?.columns();
  if (columns === undefined) return rows.map(([name, value]) => `${name}: ${value}`).join("\n");
  const width = Math.min(columns - 1, MOST_COLUMNS);
  const longest = Math.max(...rows.map(([name]) => unicodeWidth(name)));
  // A narrow terminal has the values below the names.
  const indent = width < 60 ? 2 : Math.min(longest, MOST_NAME) + 2;
  return rows.map((row) => formatRow(row, indent, width, screen!.hasColours)).join("\n");
}

function formatRow([name, value]: Row, indent: number, width: number, colours: boolean): string {
  const lines = wrap(value, Math.max(width - indent, 10));
  const margin = " ".repeat(indent);
  const painted = colours ? paint(name) : name;
  const room = indent - unicodeWidth(name);
  const body = lines.join(`\n${margin}`);
  return room >= 1 ? `${painted}${" ".repeat(room)}${body}` : `${painted}\n${margin}${body}`;
}

function paint(name: string): string {
  if (name === "passed") return `${GREEN}${name}${RESET}`;
  return name === "FAILED" ? `${RED}${name}${RESET}` : name;
}
