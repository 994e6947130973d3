import { assertEquals, assertThrows } from "@std/assert";
import { FlatViewError } from "../errors/flat_view_error.ts";
import { parseMachine } from "./parse_machine.ts";

const region = (id: number, more: Record<string, unknown> = {}) => ({
  id,
  name: `r${id}`,
  addr: "0x0",
  size: "0x10000000000000000",
  prio: 0,
  kind: "i/o",
  enabled: true,
  terminates: false,
  readonly: false,
  nonvolatile: false,
  alias: null,
  aliasOffset: "0x0",
  subregions: [] as number[],
  ...more,
});

const machine = (regions: unknown[], more: Record<string, unknown> = {}) =>
  JSON.stringify(
    { machine: "m", pageBits: 12, evidence: "", regions, addressSpaces: [], views: [], ...more },
    null,
    1,
  );

/** Checks that reading fails, at the line that holds the text, with what was expected. */
function fails(text: string, at: string, expected: string): void {
  const error = assertThrows(() => parseMachine(text), FlatViewError, expected);
  const line = text.slice(0, text.indexOf(at)).split("\n").length;
  assertEquals([error.code, error.details], ["MALFORMED_TEXT", { ...error.details, line }]);
}

Deno.test("sizes up to 2^64 are read, and views may be missing", () => {
  const read = parseMachine(machine([region(0)], { views: undefined }));
  assertEquals(read.regions[0]!.size, 1n << 64n);
  assertEquals(read.views, []);
});

Deno.test("what is malformed is named with its line and what was expected", () => {
  fails("{ nonsense", "nonsense", "JSON");
  fails("[]", "[]", "an object");
  fails(machine([region(0)], { pageBits: 40 }), '"pageBits"', "an integer from 8 to 16");
  fails(machine([region(0, { addr: "12" })]), '"12"', 'hex text from "0x0"');
  fails(machine([region(0, { size: "0x10000000000000001" })]), '"size"', "hex text");
  fails(machine([region(0, { kind: "wood" })]), '"wood"', "one of ramd, romd, rom, ram, container");
  fails(machine([region(0, { alias: 7 })]), '"alias"', "the id of a region or null");
});

Deno.test("a region lies in one other at most, and not in itself", () => {
  const twice = machine([
    region(0, { subregions: [2] }),
    region(1, { subregions: [2] }),
    region(2),
  ]);
  assertThrows(() => parseMachine(twice), FlatViewError, "a region that lies in no other");
  const circle = machine([region(0, { subregions: [1] }), region(1, { subregions: [0] })]);
  assertThrows(() => parseMachine(circle), FlatViewError, "does not contain this one");
  const itself = machine([region(0, { subregions: [0] })]);
  assertThrows(() => parseMachine(itself), FlatViewError, "does not contain this one");
});

Deno.test("the lines of printed views are parsed once, and checked", () => {
  const view = (range: string, dispatch: string) => ({
    views: [{ addressSpaces: [], root: "r0", ranges: [range], dispatch: [dispatch] }],
  });
  const range = "  0000000000001000-0000000000001fff (prio 1, ram): r0 @0000000000000010";
  const section = "      #1 @0000000000001000..0000000000001fff r0 [ROOT]";
  const { views } = parseMachine(machine([region(0)], view(range, section)));
  const { line, text, first, last, prio, kind, name, offset } = views[0]!.ranges[0]!;
  assertEquals([line, text, first, last, prio], [0, range, 0x1000n, 0x1fffn, 1]);
  assertEquals([kind, name, offset], ["ram", "r0", 0x10n]);
  assertEquals(views[0]!.dispatch[0], {
    ...{ line: 0, text: section },
    section: { number: 1, first: 0x1000n, last: 0x1fffn, name: "r0" },
  });
  fails(machine([region(0)], view("nonsense", section)), '"nonsense"', "the line of a range");
  fails(machine([region(0)], view(range, "nonsense")), '"nonsense"', "a line of a dispatch");
});

Deno.test("an address space has a root", () => {
  fails(
    machine([region(0)], { addressSpaces: [{ name: "memory", root: 5 }] }),
    '"root": 5',
    "the id",
  );
});
