import { assert, assertEquals } from "@std/assert";
import { unicodeWidth } from "@std/cli/unicode-width";
import { formatRows, type Row } from "./report_rows.ts";
import { wrap } from "./wrap.ts";

const ROWS: Row[] = [["run", "two vCPUs for ten seconds"], ["passed", "all memory came back"]];
const at = (columns: number | undefined, hasColours = false) => ({
  columns: () => columns,
  hasColours,
});

Deno.test("without a terminal a row is a line", () => {
  assertEquals(formatRows(ROWS), "run: two vCPUs for ten seconds\npassed: all memory came back");
  assertEquals(formatRows(ROWS, at(undefined)), formatRows(ROWS));
});

Deno.test("a terminal has columns, and lines that are broken between words", () => {
  assertEquals(
    formatRows(ROWS, at(80)),
    "run     two vCPUs for ten seconds\npassed  all memory came back",
  );
  assertEquals(
    formatRows(ROWS, at(21)),
    "run\n  two vCPUs for ten\n  seconds\npassed\n  all memory came\n  back",
  );
});

Deno.test("colours are used only where they are wanted", () => {
  assert(formatRows(ROWS, at(80, true)).includes("\x1b[32mpassed\x1b[0m"));
  assert(!formatRows(ROWS, at(80)).includes("\x1b"));
});

Deno.test("no line is longer than the terminal is wide, and no text is lost", () => {
  const text = "a short word and averyveryverylongword/with/a/path 仮想マシン";
  for (let width = 2; width < 70; width++) {
    const lines = wrap(text, width);
    assert(lines.every((line) => unicodeWidth(line) <= width), `${width}: ${lines.join("|")}`);
    assertEquals(lines.join("").replaceAll(" ", ""), text.replaceAll(" ", ""));
  }
});
