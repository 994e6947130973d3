import { assertEquals, assertThrows } from "@std/assert";
import { MachineFormatError } from "./format.ts";
import { parseMachine } from "./parse.ts";

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
  const error = assertThrows(() => parseMachine(text), MachineFormatError, expected);
  assertEquals(error.line, text.slice(0, text.indexOf(at)).split("\n").length, error.message);
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
  fails(machine([region(0, { kind: "wood" })]), '"wood"', "one of ramd, romd, rom, ram, i/o");
  fails(machine([region(0, { alias: 7 })]), '"alias"', "the id of a region or null");
});

Deno.test("a region lies in one other at most, and not in itself", () => {
  const twice = machine([
    region(0, { subregions: [2] }),
    region(1, { subregions: [2] }),
    region(2),
  ]);
  assertThrows(() => parseMachine(twice), MachineFormatError, "a region that lies in no other");
  const circle = machine([region(0, { subregions: [1] }), region(1, { subregions: [0] })]);
  assertThrows(() => parseMachine(circle), MachineFormatError, "does not contain this one");
  const itself = machine([region(0, { subregions: [0] })]);
  assertThrows(() => parseMachine(itself), MachineFormatError, "does not contain this one");
});

Deno.test("an address space has a root", () => {
  fails(
    machine([region(0)], { addressSpaces: [{ name: "memory", root: 5 }] }),
    '"root": 5',
    "the id",
  );
});
