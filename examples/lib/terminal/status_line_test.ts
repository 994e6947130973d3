import { assert, assertEquals } from "@std/assert";
import { unicodeWidth } from "@std/cli/unicode-width";
import { fitParts, progressBar, StatusLine } from "./status_line.ts";

/** A terminal that records what is written, and a clock that stands still. */
function terminal(columns: number | undefined) {
  const written: string[] = [];
  const clock = { now: 0 };
  const screen = {
    write: (text: string) => void written.push(text),
    columns: () => columns,
    hasColours: false,
  };
  return { written, clock, line: new StatusLine(screen, () => clock.now) };
}

Deno.test("a line has as many parts as fit, in their order", () => {
  const parts = ["first", "second", "third"];
  assertEquals(fitParts(parts, 80), "first | second | third");
  assertEquals(fitParts(parts, 21), "first | second");
  assertEquals(fitParts(parts, 3), "fir");
  assertEquals(fitParts([], 3), "");
});

Deno.test("a line fits whatever the terminal's width, with wide characters too", () => {
  for (let columns = 1; columns < 60; columns++) {
    const line = fitParts(["仮想マシン 1", "12 ms", "é".repeat(9)], columns);
    assert(unicodeWidth(line) <= columns, `${columns}: ${line}`);
  }
});

Deno.test("a terminal's line is drawn again in place, ten times a second", () => {
  const { written, clock, line } = terminal(10);
  line.show(["123456789012345"]);
  line.show(["too soon"]);
  clock.now = 100;
  line.show(["b"]);
  line.say("stays");
  assertEquals(written, ["\r\x1b[K123456789", "\r\x1b[Kb", "\r\x1b[K", "stays\n"]);
});

Deno.test("without a terminal only lines that stay are written", () => {
  const { written, line } = terminal(undefined);
  line.show(["a"]);
  line.clear();
  line.say("stays");
  assertEquals(written, ["stays\n"]);
});

Deno.test("a bar", () => {
  assertEquals(progressBar(1, 2, 4), "[##--]");
  assertEquals(progressBar(9, 2, 4), "[####]");
  assertEquals(progressBar(0, 0, 2), "[--]");
});
