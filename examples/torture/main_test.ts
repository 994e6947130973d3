import { rounds } from "#tools/testing/until.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { assertSnapshot } from "@std/testing/snapshot";
import { main } from "./main.ts";
import { FLAVOURS, type Options, PLANTS, UPDATERS } from "./options.ts";
import { formatReport, type Report } from "./report.ts";
import { torture } from "./torture.ts";

// Runs end by what they have done, not by the clock; the seconds are for a machine that hangs.
const BASE: Options = { seconds: 300, readers: 3, flavour: "mixed", updater: "mixed", seed: 1 };

for (const flavour of FLAVOURS) {
  Deno.test(`a run with ${flavour} readers passes and proves something`, async () => {
    const report = await torture({ ...BASE, flavour, updates: 300 });
    assert(report.passed, formatReport(report));
    assert(report.reads >= 3000 && report.reused > 0 && report.overlapped > 0 && report.waited > 0);
    assertEquals(report.histogram.slice(2), new Array(8).fill(0));
    assert(Object.values(report.updates).every((count) => count > 0), formatReport(report));
  });

  for (const plant of PLANTS) {
    Deno.test(`a run with ${flavour} readers catches ${plant}`, async () => {
      const report = await torture({ ...BASE, flavour, plant });
      assert(!report.passed && report.findings.length > 0, formatReport(report));
    });
  }
}

for (const updater of UPDATERS) {
  Deno.test(`a run passes with updaters that reclaim by ${updater}, in debug mode too`, async () => {
    for (const debug of [false, true]) {
      const report = await torture({ ...BASE, updater, updates: 200, debug });
      assert(report.passed, formatReport(report));
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
  let output = "";
  const status = await main(line.split(" "), (text) => output += text);
  return { status, output };
}

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
