import { assert, assertEquals, assertThrows } from "@std/assert";
import { readMachines, registered, type View } from "../testdata/machines.ts";
import { refused } from "../testdata/refused.ts";
import { levelsFor } from "./levels_for.ts";
import { QemuDispatch } from "./qemu_dispatch.ts";

Deno.test("levels by page size", () => {
  const levels = [8, 9, 10, 11, 12, 13, 14, 15, 16].map(levelsFor);
  assertEquals(levels, [7, 7, 6, 6, 6, 6, 6, 6, 6]);
});

/** Builds the dispatch of a view and prints it. */
function print(pageBits: number, view: View): string[] {
  const dispatch = new QemuDispatch(pageBits);
  const { names, ranges } = registered(view);
  for (const { first, last, region } of ranges) dispatch.add(first, last, region);
  return dispatch.print({
    name: (region) => names[region]!,
    isRoot: (region) => names[region] === view.root,
  });
}

Deno.test("the ranges of real machines give QEMU's sections, nodes, skips and pointers", async () => {
  let count = 0;
  for (const { machine, pageBits, views } of await readMachines()) {
    for (const view of views) {
      assertEquals(print(pageBits, view), view.dispatch, `${machine}, root ${view.root}`);
      count++;
    }
  }
  assertEquals(count, 116);
});

Deno.test("a dispatch that was printed takes more ranges, and prints the same twice", () => {
  const dispatch = new QemuDispatch(12);
  dispatch.add(0, 0xfff, 1);
  const lines = dispatch.print({ name: String });
  assertEquals(dispatch.print({ name: String }), lines);
  dispatch.add(0x1000, 0x1fff, 2);
  const all = new QemuDispatch(12);
  all.add(0, 0xfff, 1);
  all.add(0x1000, 0x1fff, 2);
  assertEquals(dispatch.print({ name: String }), all.print({ name: String }));
});

/** The line that says where a map begins. */
function rootLine(dispatch: QemuDispatch): string | undefined {
  return dispatch.print({ name: String }).find((line) => line.startsWith("    Nodes"));
}

Deno.test("the root's pointer is a number in brackets, even if it is a section or NIL", () => {
  assertEquals(
    rootLine(new QemuDispatch(8)),
    "    Nodes (9 bits per level, 7 levels) ptr=[67108863] skip=1", // NIL
  );
  const smmu = new QemuDispatch(12);
  smmu.add(0n, 2n ** 57n - 1n, 7); // one entry of the top level: compaction leads to the section
  assertEquals(rootLine(smmu), "    Nodes (9 bits per level, 6 levels) ptr=[1] skip=0");
});

/** How many sections are printed. */
function sections(dispatch: QemuDispatch): number {
  return dispatch.print({ name: String }).filter((line) => line.startsWith("      #")).length;
}

Deno.test("as many sections as a page has bytes, containers counted, and not one more", () => {
  const pages = new QemuDispatch(8);
  for (let i = 0; i < 255; i++) pages.add(i * 0x100, i * 0x100 + 0xff, i + 1);
  assertEquals(sections(pages), 256);
  const details = refused("TOO_MANY_SECTIONS", () => pages.add(0x10000, 0x100ff, 1));
  assertEquals(details.limit, 256);
  const pieces = new QemuDispatch(8);
  for (let i = 0; i < 127; i++) pieces.add(i * 0x100, i * 0x100 + 1, 1);
  assertEquals(sections(pieces), 255);
  refused("TOO_MANY_SECTIONS", () => pieces.add(0xff00, 0xff01, 1));
});

Deno.test("page sizes and ranges that make no sense are refused", () => {
  for (const pageBits of [7, 17, 12.5, NaN]) {
    assertThrows(() => new QemuDispatch(pageBits), RangeError, "pageBits");
  }
  const dispatch = new QemuDispatch(12);
  const before = dispatch.print({ name: String });
  refused("INVERTED_RANGE", () => dispatch.add(2, 1, 1));
  refused("INVALID_ADDRESS", () => dispatch.add(-1, 1, 1));
  refused("INVALID_ADDRESS", () => dispatch.add(0, 2n ** 64n, 1));
  assertEquals(dispatch.print({ name: String }), before);
  assert(before.length > 2);
});
