import { assert, assertEquals, assertThrows } from "./assert.ts";
import { parseArgs } from "./parse_args.ts";

Deno.test("undeclared options take the next word, and numbers are numbers", () => {
  assertEquals(parseArgs(["--a", "x", "--b=5", "--c", "-d", "7", "w", "9"]), {
    a: "x",
    b: 5,
    c: true,
    d: 7,
    _: ["w", 9],
  });
  assertEquals(parseArgs(["--hex", "0x1f", "--e", "1e3", "--empty", ""]), {
    hex: 31,
    e: 1000,
    empty: true, // an empty word is no value...
    _: [""], // ...and is left over
  });
});

Deno.test("strings stay strings and may be empty", () => {
  const args = parseArgs(["--as", "0010", "5", "--name"], { string: ["as", "name", "other"] });
  assertEquals(args, { as: "0010", name: "", _: [5] });
  const as: string | undefined = args.as;
  assertEquals(as, "0010");
  const words: unknown = parseArgs(["5"], { string: ["_"] })._; // std types this as never
  assertEquals(words, ["5"]);
});

Deno.test("booleans take no word but true and false, and are false when absent", () => {
  const args = parseArgs(["--json", "file", "--all", "false", "--big=false"], {
    boolean: ["json", "all", "big", "absent"],
  });
  assertEquals(args, { json: true, all: false, big: false, absent: false, _: ["file"] });
  const json: boolean = args.json;
  assert(json);
});

Deno.test("collect gathers values, and is an empty list when absent", () => {
  const args = parseArgs(["--x", "a", "--x=b", "--y", "1", "--y", "2"], {
    string: ["x", "none"],
    collect: ["x", "y", "none"],
  });
  assertEquals(args, { x: ["a", "b"], y: [1, 2], none: [], _: [] });
  const x: string[] = args.x;
  assertEquals(x.length, 2);
  assertEquals(parseArgs(["--x", "a", "--x", "b"]), { x: "b", _: [] });
});

Deno.test("only a negatable option is negated", () => {
  assertEquals(parseArgs(["--no-color", "--no-x"], { boolean: ["color"], negatable: ["color"] }), {
    color: false,
    "no-x": true,
    _: [],
  });
});

Deno.test("an alias sets both names, whichever is used", () => {
  const options = { alias: { output: ["o", "out"] }, string: ["output"] } as const;
  assertEquals(parseArgs(["-o", "1"], options), { output: "1", o: "1", out: "1", _: [] });
  assertEquals(parseArgs(["--out=1"], options), { output: "1", o: "1", out: "1", _: [] });
  assertEquals(parseArgs([], { boolean: ["v"], alias: { v: "verbose" } }), {
    v: false,
    verbose: false,
    _: [],
  });
});

Deno.test("defaults fill in what is absent, of any type", () => {
  const args = parseArgs(["--size", "3"], {
    string: ["size", "as"],
    boolean: ["quick"],
    default: { as: "memory", quick: true, count: 5 },
    alias: { as: "a" },
  });
  assertEquals(args, { size: "3", as: "memory", a: "memory", quick: true, count: 5, _: [] });
  const as: string = args.as;
  assertEquals(as, "memory");
});

Deno.test("letters are flags of their own; digits or = give a value", () => {
  assertEquals(parseArgs(["-ab", "x"]), { a: true, b: "x", _: [] });
  assertEquals(parseArgs(["-n5", "-m=6", "-f/x", "-"]), { n: 5, m: 6, f: "/x", _: ["-"] });
  assertEquals(parseArgs(["-a", "-b"]), { a: true, b: true, _: [] });
});

Deno.test("-- ends the options", () => {
  assertEquals(parseArgs(["--a", "--", "--b", "5"]), { a: true, _: ["--b", "5"] });
  assertEquals(parseArgs(["a", "--", "--b"], { "--": true }), { _: ["a"], "--": ["--b"] });
});

Deno.test("stopEarly leaves all from the first word on", () => {
  assertEquals(parseArgs(["--a", "--", "x"], { stopEarly: true }), { a: true, _: ["x"] });
  assertEquals(parseArgs(["run", "--a", "5"], { stopEarly: true }), { _: ["run", "--a", "5"] });
});

Deno.test("unknown sees what is not declared, and may refuse it", () => {
  const seen: unknown[][] = [];
  const args = parseArgs(["--known", "--other=5", "word", "-v"], {
    boolean: ["known"],
    alias: { known: "k" },
    unknown: (...all) => {
      seen.push(all);
      return false;
    },
  });
  assertEquals(args, { known: true, k: true, _: [] });
  assertEquals(seen, [["--other=5", "other", "5"], ["word"], ["-v", "v", true]]);
});

Deno.test("dots nest what is given, and are not covered in what is declared", () => {
  assertEquals(parseArgs(["--a.b=1", "--a.c", "x"]), { a: { b: 1, c: "x" }, _: [] });
  assertThrows(() => parseArgs([], { string: ["a.b"] }), TypeError, "no dotted names");
});
