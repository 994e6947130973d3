import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { assertSnapshot } from "@std/testing/snapshot";
import { readText } from "../lib/text_files.ts";
import { runProgram } from "../lib/command_line/run_program.ts";
import { GUESTMEM } from "./main.ts";

const data = (name: string) => new URL(`../testdata/${name}`, import.meta.url).pathname;
const ISAPC = data("i386-isapc.defaults.json.gz");
const BEFORE = data("virt-rv64-opensbi-uboot.s00.json.gz");
const AFTER = data("virt-rv64-opensbi-uboot.s01.json.gz");
const TRACE = data("virt-rv64-opensbi-uboot.s00.trace.gz");

/** A line that does not say where the repository is. */
const withoutFolder = (line: string): string => line.replaceAll(data(""), "");

/** Files that exist for the tests only. */
const planted = new Map<string, string>();

const read = async (file: string) => {
  const text = planted.get(file);
  return text === undefined ? await Deno.readFile(file) : new TextEncoder().encode(text);
};

/** Runs a command in this process. */
async function run(...words: string[]): Promise<{ code: number; out: string[]; err: string[] }> {
  const out: string[] = [];
  const err: string[] = [];
  const code = await runProgram(GUESTMEM, words, {
    out: (line) => out.push(line),
    err: (line) => err.push(line),
    read,
    write: (file, text) => Promise.resolve(void planted.set(file, text)),
  });
  return { code, out, err };
}

/** Snapshots hold the lines as they are printed. */
const LINES = { serializer: (lines: string[]) => lines.join("\n") };

/** Runs something on a file of this text. */
async function withFile(name: string, text: string, use: (file: string) => Promise<void>) {
  planted.set(name, text);
  await use(name);
}

Deno.test("machine check: exact, and counted", async (t) => {
  const { code, out } = await run("machine", "check", ISAPC, BEFORE);
  assertEquals(code, 0);
  await assertSnapshot(t, out.map(withoutFolder), LINES);
  const json = JSON.parse((await run("machine", "check", "--json", ISAPC)).out.join("\n"));
  assertEquals(json.files, { total: 1, exact: 1 });
  assertEquals(json.views, { total: 2, exact: 2 });
});

Deno.test("machine check: a planted difference is shown, and the exit is 1", async (t) => {
  const machine = JSON.parse(await readText(ISAPC, { read }));
  machine.regions.find(({ name }: { name: string }) => name === "pcspk").size = "0x2";
  await withFile("planted.json", JSON.stringify(machine), async (file) => {
    const { code, out } = await run("machine", "check", file);
    assertEquals(code, 1);
    await assertSnapshot(t, out, LINES);
  });
});

Deno.test("machine tree and flat print QEMU's text", async () => {
  const tree = (await readText(data("i386-isapc.defaults.tree.txt.gz"), { read }))
    .split("\n").map((line) => line.replace(/ (?:owner|parent):\{.*\}$/, ""));
  assertEquals((await run("machine", "tree", ISAPC)).out.join("\n").trim(), tree.join("\n").trim());
  const flat = (await readText(data("i386-isapc.defaults.flat.txt.gz"), { read })).split("\n")
    .sort();
  const printed = (await run("machine", "flat", ISAPC)).out;
  assertEquals(printed.sort().filter((l) => l !== ""), flat.filter((l) => l !== ""));
});

Deno.test("machine dispatch prints the views with their dispatch", async (t) => {
  await assertSnapshot(t, (await run("machine", "dispatch", ISAPC)).out, LINES);
});

Deno.test("machine build: at once and one by one, the same views", async () => {
  const { code, out } = await run("machine", "build", ISAPC, "--one-by-one", "--json");
  const result = JSON.parse(out.join("\n"));
  assertEquals([code, result.views], [0, { total: 2, exact: 2 }]);
  assertEquals(result.viewsBuilt - result.freed, result.alive);
  const whole = JSON.parse((await run("machine", "build", ISAPC, "--json")).out.join("\n"));
  assertEquals(whole.viewsBuilt, 3); // two and the empty one
});

Deno.test("mtree import: a machine that checks, and a report", async () => {
  const tree = data("i386-isapc.defaults.tree.txt.gz");
  const flat = data("i386-isapc.defaults.flat.txt.gz");
  await withFile("out.json", "", async (file) => {
    const { code, out } = await run("mtree", "import", tree, "--flat", flat, "--output", file);
    assertEquals(code, 0);
    assert(out.some((line) => line.startsWith("inferred from evidence: ")));
    assert(out.some((line) => line.startsWith("open: ")));
    const checked = await run("machine", "check", file);
    assertStringIncludes(checked.out[0]!, "exact: 2 views");
  });
  const alone = await run("mtree", "import", tree);
  assertEquals(JSON.parse(alone.out.join("\n")).evidence, "tree text alone");
  assert(alone.err.some((line) => line.includes("none given to compare with")));
});

Deno.test("machine tree: in the words of either QEMU", async () => {
  const root = async (...words: string[]) => {
    const { code, out } = await run("machine", "tree", ISAPC, ...words);
    assertEquals(code, 0);
    return out.find((line) => line.endsWith(": system"));
  };
  const line = "  0000000000000000-ffffffffffffffff (prio 0, i/o): system";
  assertEquals(await root(), line);
  assertEquals(await root("--qemu", "7.2"), line);
  assertEquals(await root("--qemu", "11.1"), line.replace("i/o", "container"));
  assertEquals((await run("machine", "tree", ISAPC, "--qemu", "12")).code, 2);
});

Deno.test("lookup: region, offset and kind", async () => {
  const words = ["lookup", ISAPC, "--as", "memory", "0xa0010", "0xfffffff0", "0x90000000"];
  const { code, out } = await run(...words);
  assertEquals(code, 0);
  assertEquals(out, [
    "0xa0010: cirrus-low-memory +0x10 i/o",
    "0xfffffff0: pc.bios +0x1fff0 ram",
    "0x90000000: unassigned",
  ]);
  assertEquals((await run("lookup", ISAPC, "--as", "I/O", "113")).out, ["0x71: rtc +0x1 i/o"]);
});

Deno.test("replay: nothing wrong, and a wrong map is found", async () => {
  const good = await run("replay", "--before", BEFORE, "--after", AFTER, TRACE, "--json");
  const counts = JSON.parse(good.out.join("\n"));
  assertEquals([good.code, counts.wrong], [0, 0]);
  assert(counts.accesses > 6000 && counts.agreed > 5000);
  const bad = await run("replay", "--before", ISAPC, "--after", ISAPC, TRACE);
  assertEquals(bad.code, 1);
  assert(bad.out.some((line) => line.includes(".trace.gz:")));
  const unknown = await run("replay", "--before", BEFORE, TRACE);
  assertEquals(unknown.code, 2);
  assertStringIncludes(unknown.err[0]!, "expected --after");
});

Deno.test("malformed input names the file, the line and what was expected; the exit is 2", async () => {
  await withFile("bad.json", '{\n "machine": "m",\n "pageBits": 99\n}', async (file) => {
    for (const what of ["check", "tree", "build"]) {
      const { code, err } = await run("machine", what, file);
      assertEquals(code, 2);
      assertStringIncludes(err[0]!, file);
    }
  });
  await withFile("bad.txt", "address-space: memory\nnonsense\n", async (file) => {
    const { code, err } = await run("mtree", "import", file);
    assertEquals(code, 2);
    assertStringIncludes(err[0]!, `${file}: line 2: expected "START-END`);
  });
  await withFile("bad.trace", "memory_region_ops_read nonsense\n", async (file) => {
    const { code, err } = await run("replay", "--before", ISAPC, file);
    assertEquals(code, 2);
    assertStringIncludes(err[0]!, `${file}: line 1: expected memory_region_ops_read`);
  });
  await withFile("bad.gz", "no gzip", async (file) => {
    const { code, err } = await run("machine", "tree", file);
    assertEquals([code, err.length], [2, 1]);
    assertStringIncludes(err[0]!, "expected gzip");
  });
  assertEquals((await run("machine", "tree", "/no/such/file")).code, 2);
});

Deno.test("a command line that is not understood says what was expected; the exit is 2", async () => {
  for (
    const words of [
      [],
      ["nonsense"],
      ["machine"],
      ["machine", "check"],
      ["machine", "tree", "a", "b"],
      ["mtree", "export", "x"],
      ["lookup", ISAPC, "--as", "memory"],
      ["lookup", ISAPC, "0x0"],
      ["lookup", ISAPC, "--as", "nowhere", "0x0"],
      ["lookup", ISAPC, "--as", "memory", "0x10000000000000000"],
      ["replay", TRACE],
      ["machine", "check", ISAPC, "--nonsense"],
      ["map", ISAPC, "--as", "nowhere"],
      ["diff", ISAPC],
    ]
  ) {
    assertEquals((await run(...words)).code, 2, words.join(" "));
  }
});

Deno.test("--help", async (t) => {
  const { code, out } = await run("--help");
  assertEquals(code, 0);
  await assertSnapshot(t, out, LINES);
});

Deno.test("map: bars that fit the terminal, and an SVG", async (t) => {
  const { code, out } = await run("map", ISAPC);
  assertEquals(code, 0);
  await assertSnapshot(t, out, LINES);
  const svg = await run("map", ISAPC, "--svg", "--output", "map.svg");
  assertEquals([svg.code, svg.out], [0, []]);
  const text = planted.get("map.svg")!;
  assert(text.startsWith("<svg ") && text.endsWith("</svg>\n"));
  assert(text.includes("pc.bios") && text.includes("0xfffe0000"));
  assertEquals((await run("map", ISAPC, "--as", "I/O")).out[0]!.includes("dma-chan"), true);
});

Deno.test("the picture of the root README is what map draws", async () => {
  const { out } = await run("map", ISAPC, "--svg");
  const picture = new URL("../../.github/isa_pc.svg", import.meta.url);
  assertEquals(out.join("\n") + "\n", await Deno.readTextFile(picture));
});

Deno.test("map and diff: the monitor's text is read as well", async () => {
  const flat = data("i386-isapc.defaults.flat.txt.gz");
  assertEquals((await run("map", flat)).out, (await run("map", ISAPC)).out);
  assertEquals(await run("diff", flat, ISAPC), { code: 0, out: [], err: [] });
});

Deno.test("diff: ranges of one dump only, by address", async (t) => {
  const { code, out } = await run("diff", BEFORE, AFTER);
  assertEquals(code, 1);
  await assertSnapshot(t, out, LINES);
});

Deno.test("help of each command", async (t) => {
  const texts = await Promise.all(
    GUESTMEM.commands.map(async ({ name }) => (await run(...name.split(" "), "--help")).out[0]!),
  );
  await assertSnapshot(t, texts, LINES);
});
