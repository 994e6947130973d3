/**
 * A map for a terminal.
 *
 * @module
 */

import { fitParts } from "../lib/terminal/status_line.ts";
import { addressText, type MapRow, scaled, sizeText } from "./map_rows.ts";

const FILL: Readonly<Record<string, string>> = { ram: "█", rom: "▓", romd: "▓", "i/o": "░" };
const LEGEND = "█ RAM   ▓ ROM   ░ I/O   one column of a bar for each doubling of the size";
const SIZE = 10;

/**
 * Draws a line for each row.
 *
 * @param columns Of the terminal; undefined if lines may have any length.
 */
export function drawMap(rows: readonly MapRow[], columns: number | undefined): string[] {
  const widest = Math.max(0, ...rows.map(({ first }) => addressText(first).length));
  // Narrow terminals have short bars, so that there is room for the names.
  const divisor = columns !== undefined && columns < 80
    ? 4
    : columns === undefined || columns < 120
    ? 2
    : 1;
  const bars = Math.ceil(64 / divisor);
  const lines = rows.map(({ first, size, kind, name }) => {
    const length = Math.max(1, Math.ceil(scaled(size) / divisor));
    const text = sizeText(size).padStart(SIZE);
    if (kind === undefined) return `${" ".repeat(widest)} ${text}  -`;
    const bar = (FILL[kind] ?? "▒").repeat(length).padEnd(bars);
    return `${addressText(first).padStart(widest)} ${text}  ${bar} ${name}`;
  });
  const legend = divisor === 1
    ? LEGEND
    : LEGEND.replace("each doubling", `each factor of ${2 ** divisor}`)
      .replace(" of the size", " in size");
  return [...lines, "", legend].map((line) =>
    columns === undefined ? line.trimEnd() : fitParts([line.trimEnd()], columns)
  );
}
