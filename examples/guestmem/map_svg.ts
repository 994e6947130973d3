/**
 * A map as a picture.
 *
 * @module
 */

import { addressText, type MapRow, scaled, sizeText } from "./map_rows.ts";

const COLOURS: Readonly<Record<string, string>> = {
  ram: "#4c8dd6",
  rom: "#8a63d2",
  romd: "#8a63d2",
  "i/o": "#e39b3f",
};
const OTHER = "#9aa0a6";
const LEFT = 150;
const WIDTH = 160;
const TOTAL = 640;
const MARGIN = 10;
const TEXT = 14;
const GAP = 22;

/** Draws a column of boxes, with heights that grow by the same step for each doubling of the size. */
export function drawSvg(rows: readonly MapRow[]): string[] {
  const boxes: string[] = [];
  let top = MARGIN;
  for (const row of rows) {
    const height = row.kind === undefined ? GAP : TEXT + scaled(row.size);
    boxes.push(row.kind === undefined ? gap(row, top) : box(row, top, height));
    top += height + 2;
  }
  const [width, height] = [TOTAL, top + MARGIN];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="ui-monospace, monospace" font-size="12">`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    ...boxes,
    "</svg>",
  ];
}

function box({ first, size, kind, name }: MapRow, top: number, height: number): string {
  const middle = top + height / 2 + 4;
  return [
    label(LEFT - 8, middle, addressText(first), "end"),
    `<rect x="${LEFT}" y="${top}" width="${WIDTH}" height="${height}" rx="2" fill="${
      COLOURS[kind!] ?? OTHER
    }"/>`,
    label(LEFT + WIDTH / 2, middle, sizeText(size), "middle", "#ffffff"),
    label(LEFT + WIDTH + 10, middle, `${name} (${kind})`, "start"),
  ].join("\n");
}

function gap({ size }: MapRow, top: number): string {
  return [
    `<rect x="${LEFT}" y="${top}" width="${WIDTH}" height="${GAP}" fill="none" stroke="#c4c7c5" stroke-dasharray="3 3"/>`,
    label(LEFT + WIDTH / 2, top + GAP / 2 + 4, sizeText(size), "middle", "#6f7377"),
  ].join("\n");
}

function label(x: number, y: number, text: string, anchor: string, fill = "#202124"): string {
  const escaped = text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return `<text x="${x}" y="${y}" text-anchor="${anchor}" fill="${fill}">${escaped}</text>`;
}
