import { assertEquals } from "@std/assert";
import { assertSnapshot } from "@std/testing/snapshot";
import { FileError } from "../text_files.ts";
import type { Call } from "./call.ts";
import type { ProgramSpec } from "./program.ts";
import { runProgram } from "./run_program.ts";

let called: Call | undefined;
const run = (call: Call): number => {
  called = call;
  return 7;
};

const PROGRAM: ProgramSpec = {
  command: "zoo",
  summary: "Keeps animals.",
  commands: [
    {
      name: "cage list",
      words: "CAGE [ANIMAL...]",
      summary: "Lists what is in a cage",
      details: "  Animals are listed in the order of their teeth.",
      options: {
        json: { help: "print JSON" },
        count: {
          value: "N",
          help: "at most this many, which is a long text that has to be wrapped",
        },
        food: { value: "F", help: "what they eat", repeats: true },
        size: { value: "S", help: "small or large" },
      },
      run,
    },
    { name: "cage clean", summary: "Cleans all cages", run },
    {
      name: "open",
      words: "FILE",
      summary: "Opens a file",
      run: () => {
        throw new FileError("animals.json", "it cannot be written");
      },
    },
  ],
  notes: "Exit status: 0 if all is well.",
};

async function zoo(...words: string[]): Promise<[number, string, string]> {
  const out: string[] = [];
  const err: string[] = [];
  const host = { out: (line: string) => out.push(line), err: (line: string) => err.push(line) };
  return [await runProgram(PROGRAM, words, host), out.join("\n"), err.join("\n")];
}

Deno.test("a command gets its words and options", async () => {
  const line = "cage list c1 --json --count 3 --food hay --food fish --size small lion";
  assertEquals((await zoo(...line.split(" ")))[0], 7);
  const call = called!;
  assertEquals(call.words, ["c1", "lion"]);
  assertEquals([call.has("json"), call.has("help")], [true, false]);
  assertEquals(call.values("food"), ["hay", "fish"]);
  assertEquals(call.integer("count", 5, 1, 9), 3);
  assertEquals(call.choice("size", ["small", "large"]), "small");
  assertEquals(call.value("none"), undefined);
});

Deno.test("help: of the program, of a group, of a command", async (t) => {
  const text = { serializer: (text: string) => text };
  for (const line of ["--help", "cage --help", "cage list --help"]) {
    const [status, out] = await zoo(...line.split(" "));
    assertEquals(status, 0);
    await assertSnapshot(t, out, text);
  }
  assertEquals((await zoo())[0], 2);
});

Deno.test("--version", async () => {
  const config = await Deno.readTextFile(new URL("../../../rcu/deno.json", import.meta.url));
  assertEquals((await zoo("--version"))[1], `guestmem ${JSON.parse(config).version}`);
  assertEquals(await zoo("cage", "list", "--version"), await zoo("--version"));
});

const WRONG: Record<string, string> = {
  "feed": 'Cannot run "feed": expected cage list, cage clean, open',
  "cage": 'Cannot run "cage": expected cage list, cage clean',
  "cage list": "Cannot run without CAGE",
  "cage list c --bogus": 'Cannot run with "--bogus": there is no such option',
  "cage list c --count": 'Cannot run with --count "": it needs a value',
  "cage clean now": 'Cannot run with "now": there is no such option',
};
for (const [line, message] of Object.entries(WRONG)) {
  Deno.test(`"${line}" is refused in one line, with status 2`, async () => {
    assertEquals(await zoo(...line.split(" ")), [2, "", `${message}. Try --help.`]);
  });
}

Deno.test("a file that cannot be used is one line and status 2", async () => {
  assertEquals(await zoo("open", "f"), [2, "", "animals.json: it cannot be written"]);
});
