import { assert, assertEquals } from "@std/assert";
import { unicodeWidth } from "@std/cli/unicode-width";
import { drawMap } from "./map_bars.ts";
import { addressText, mapRows, scaled, sizeText } from "./map_rows.ts";
import { drawSvg } from "./map_svg.ts";

const range = (first: bigint, last: bigint, kind: string, name: string, offset = 0n) => ({
  ...{ first, last, kind, name, offset },
  ...{ line: 0, text: "", prio: 0 },
});

const RANGES = [
  range(0n, 0x9ffffn, "ram", "pc.ram"),
  range(0xa0000n, 0xbffffn, "i/o", "vga"),
  range(0xf_0000n, 0xf_ffffn, "rom", "pc.ram", 0xf_0000n),
  range(0x10_0000n, 0x1f_ffffn, "ram", "pc.ram", 0x10_0000n),
  range(0x20_0000n, 0x2f_ffffn, "ram", "pc.ram", 0x20_0000n),
  range(0xffff_ffff_ffff_f000n, 0xffff_ffff_ffff_ffffn, "i/o", "<top> & more"),
];

Deno.test("rows: gaps, and ranges of one region that follow one another", () => {
  const rows = mapRows(RANGES);
  assertEquals(rows.map(({ first, size, name }) => [first, size, name]), [
    [0n, 0xa0000n, "pc.ram"],
    [0xa0000n, 0x20000n, "vga"],
    [0xc0000n, 0x30000n, ""],
    [0xf0000n, 0x10000n, "pc.ram"],
    [0x100000n, 0x200000n, "pc.ram"],
    [0x300000n, 0xffff_ffff_ffcf_f000n, ""],
    [0xffff_ffff_ffff_f000n, 0x1000n, "<top> & more"],
  ]);
  assertEquals(rows.reduce((sum, { size }) => sum + size, 0n), 1n << 64n);
});

Deno.test("no line is wider than the terminal", () => {
  for (const columns of [20, 40, 79, 80, 119, 120, 200]) {
    const lines = drawMap(mapRows(RANGES), columns);
    assert(lines.every((line) => unicodeWidth(line) <= columns), lines.join("\n"));
  }
});

Deno.test("sizes and addresses", () => {
  assertEquals([1n, 1023n, 0xa0000n, 3n << 29n, 1n << 64n].map(sizeText), [
    "1 B",
    "1023 B",
    "640 KiB",
    "1.5 GiB",
    "16 EiB",
  ]);
  assertEquals(addressText(0xa0000n), "0x000a0000");
  assertEquals([1n, 2n, 4096n].map(scaled), [1, 2, 13]);
});

Deno.test("the picture has a box for each row, and its text is escaped", () => {
  const svg = drawSvg(mapRows(RANGES)).join("\n");
  assertEquals(svg.match(/<rect x/g)?.length, 7);
  assert(svg.includes("&lt;top> &amp; more"));
});
