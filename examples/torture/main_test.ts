import { rounds } from "#tools/testing/until.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { assertSnapshot } from "@std/testing/snapshot";
import { TORTURE } from "./main.ts";
import { runProgram } from "../lib/command_line/run_program.ts";
import { formatRows } from "../lib/terminal/report_rows.ts";
import { FLAVOURS, type Options, PLANTS, UPDATERS } from "./options.ts";
import { type Report, reportRows } from "./report.ts";
import { torture } from "./torture.ts";

// Runs end by what they have done, not by the clock; the seconds are for a machine that hangs.
const textOf = (report: Report): string => formatRows(reportRows(report));

const BASE: Options = { seconds: 300, readers: 3, flavour: "mixed", updater: "mixed", seed: 1 };

for (const flavour of FLAVOURS) {
  Deno.test(`a run with ${flavour} readers passes and proves something`, async () => {
    const report = await torture({ ...BASE, flavour, updates: 300 });
    assert(report.passed, textOf(report));
    assert(report.reads >= 3000 && report.reused > 0 && report.overlapped > 0 && report.waited > 0);
    assertEquals(report.histogram.slice(2), new Array(8).fill(0));
    assert(Object.values(report.updates).every((count) => count > 0), textOf(report));
  });

  for (const plant of PLANTS) {
    Deno.test(`a run with ${flavour} readers catches ${plant}`, async () => {
      const report = await torture({ ...BASE, flavour, plant });
      assert(!report.passed && report.findings.length > 0, textOf(report));
    });
  }
}

for (const updater of UPDATERS) {
  Deno.test(`a run passes with updaters that reclaim by ${updater}, in debug mode too`, async () => {
    for (const debug of [false, true]) {
      const report = await torture({ ...BASE, updater, updates: 200, debug });
      assert(report.passed, textOf(report));
    }
  });
}

Deno.test("debug mode names the context that freed a block too early", async () => {
  let named: string | undefined;
  // A run ends with what is seen first, which may be the poison.
  for (const seed of rounds(1, () => named !== undefined, "a reader asks for a freed block")) {
    const report = await torture({ ...BASE, seed, plant: "early-free", debug: true });
    named = report.findings.find(({ kind }) => kind === "USE_AFTER_FREE")?.example;
  }
  assertMatch(named!, /allocated and "updater [34]"/);
});

/** Snapshots hold the text as it is printed. */
const TEXT = { serializer: (text: string) => text };

async function run(line: string): Promise<{ status: number; output: string }> {
  const output: string[] = [];
  const screen = { write: () => {}, columns: () => undefined, hasColours: false };
  const status = await runProgram(TORTURE, line.split(" "), {
    out: (line) => output.push(line),
    err: () => {},
    screen,
    progress: screen,
    interrupt: () => undefined,
  });
  return { status, output: output.join("\n") };
}

Deno.test("a run that the user ends early reports what it has, and does not fail for having little", async () => {
  const report = await torture(BASE, undefined, AbortSignal.abort());
  assertEquals([report.passed, report.interrupted], [true, true], textOf(report));
});

Deno.test("--help", async (t) => {
  const { status, output } = await run("--help");
  assertEquals(status, 0);
  await assertSnapshot(t, output, TEXT);
});

Deno.test("the exit status is 1 for a bug, 2 for a command line that is wrong", async () => {
  const bug = await run("--plant no-wait --seconds 120 --seed 7 --json");
  assertEquals(bug.status, 1);
  const report = JSON.parse(bug.output) as Report;
  assertEquals(report.passed, false);
  assertEquals(report.options.seed, 7);
  assertEquals((await run("--readers none")).status, 2);
});

Deno.test("the plain report says what was planted and what was found", async () => {
  const { status, output } = await run("--seconds 120 --flavour qsbr --plant early-free");
  assertEquals(status, 1);
  assertStringIncludes(output, "planted: early-free");
  assertMatch(output, /^FAILED: \d+ sections saw|^FAILED: .*first: section/m);
});
