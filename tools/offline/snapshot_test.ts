import { assertEquals, AssertionError, assertRejects } from "./assert.ts";
import { assertSnapshot } from "./snapshot.ts";

/** Runs `body` with a test context in a folder of its own, and what an update would write at the end. */
async function inFolder(
  body: (context: Deno.TestContext, path: string, finish: () => void) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  const finishers: EventListener[] = [];
  const real = globalThis.addEventListener;
  globalThis.addEventListener = ((type: string, listener: EventListener) => {
    if (type === "unload") finishers.push(listener);
  }) as typeof real;
  const context = { name: "test", origin: `file://${folder}/x_test.ts` } as Deno.TestContext;
  try {
    await body(
      context,
      `${folder}/__snapshots__/x_test.ts.snap`,
      () => finishers.splice(0).forEach((finish) => finish(new Event("unload"))),
    );
  } finally {
    globalThis.addEventListener = real;
    await Deno.remove(folder, { recursive: true });
  }
}

/** An update prints what it changed, which is no part of this run's report. */
function quietly(body: () => void): string[] {
  const lines: string[] = [];
  const real = console.log;
  console.log = (line: string) => void lines.push(line.trim());
  try {
    body();
  } finally {
    console.log = real;
  }
  return lines;
}

const UPDATE = { mode: "update" } as const;
const step = (context: Deno.TestContext, name: string) =>
  ({ ...context, parent: context, name }) as Deno.TestContext;

Deno.test("an update writes std's file format", async () => {
  await inFolder(async (context, path, finish) => {
    await assertSnapshot(context, { b: [1, "x"], a: 2n }, UPDATE);
    await assertSnapshot(context, "one line: `$\\", { ...UPDATE, serializer: (text) => text });
    await assertSnapshot(step(context, "step"), "a\nb", { ...UPDATE, serializer: (text) => text });
    await assertSnapshot(context, 1, { ...UPDATE, name: "named" });
    assertEquals(quietly(finish), ["> 4 snapshots updated."]);
    assertEquals(
      await Deno.readTextFile(path),
      `export const snapshot = {};

snapshot[\`test 1\`] = \`
{
  a: 2n,
  b: [
    1,
    "x",
  ],
}
\`;

snapshot[\`test 2\`] = \`one line: \\\`\\$\\\\\`;

snapshot[\`test > step 1\`] = \`
a
b
\`;

snapshot[\`named 1\`] = \`1\`;
`,
    );
  });
});

Deno.test("what is stored is compared, and what is missing or differs fails", async () => {
  await inFolder(async (context, path) => {
    await Deno.mkdir(path.slice(0, path.lastIndexOf("/")));
    await Deno.writeTextFile(
      path,
      "export const snapshot = {};\nsnapshot[`test 1`] = `5`;\nsnapshot[`test 2`] = `\na\nb\n`;\n" +
        "snapshot[`test 3`] = `6`;\nsnapshot[`test 4`] = `6`;\n",
    );
    const mode = "assert";
    await assertSnapshot(context, 5, { mode });
    await assertSnapshot(context, "a\nb", { mode, serializer: (text) => text });
    await assertRejects(
      () => assertSnapshot(context, 7, { mode }),
      AssertionError,
      "Snapshot does not match: test 3",
    );
    await assertRejects(() => assertSnapshot(context, 7, { mode, msg: "mine" }), Error, "mine");
    await assertRejects(
      () => assertSnapshot(context, 7, { mode }),
      AssertionError,
      "Missing snapshot: test 5",
    );
  });
  await inFolder(async (context) => {
    const missing = () => assertSnapshot(context, 7, { mode: "assert" });
    await assertRejects(missing, AssertionError, "Missing snapshot: test 1");
  });
});

Deno.test("an update drops what no test asserts any longer, and keeps what is the same", async () => {
  await inFolder(async (context, path, finish) => {
    await Deno.mkdir(path.slice(0, path.lastIndexOf("/")));
    const kept = "export const snapshot = {};\n\nsnapshot[`test 1`] = `5`;\n";
    await Deno.writeTextFile(path, `${kept}\nsnapshot[\`old 1\`] = \`6\`;\n`);
    await assertSnapshot(context, 5, UPDATE);
    assertEquals(quietly(finish), ["> 1 snapshots removed.", "• old 1"]);
    assertEquals(await Deno.readTextFile(path), kept);
  });
});

Deno.test("the file may be another, and the text is sorted and keeps its lines", async () => {
  await inFolder(async (context, path, finish) => {
    const folder = path.slice(0, path.indexOf("__snapshots__"));
    await assertSnapshot(context, { b: 1, a: "x\ny" }, { ...UPDATE, dir: ".snaps" });
    await assertSnapshot(context, 2, { ...UPDATE, path: "other.snap" });
    quietly(finish);
    const head = "export const snapshot = {};\n\nsnapshot[`test 1`] = `";
    assertEquals(
      await Deno.readTextFile(`${folder}.snaps/x_test.ts.snap`),
      `${head}\n{\n  a: "x\ny",\n  b: 1,\n}\n\`;\n`,
    );
    assertEquals(await Deno.readTextFile(`${folder}other.snap`), `${head}2\`;\n`);
  });
});
