import { assert, assertEquals } from "@std/assert";
import { assertSnapshot } from "@std/testing/snapshot";
import { runProgram } from "../lib/command_line/run_program.ts";
import { formatRows } from "../lib/terminal/report_rows.ts";
import { demo } from "./demo.ts";
import { DEMO } from "./main.ts";
import { type Accel, type Plant, PLANTS } from "./options.ts";
import { type Report, reportRows } from "./report.ts";
import { statusParts } from "./status.ts";

/**
 * The changes after which a run has proven something, or has lost memory that it misses at the end.
 */
const ENOUGH = 300;

/** A run that ends then, or when it finds something, however long that takes. */
function run(plant?: Plant, accel: Accel = "mixed"): Promise<Report> {
  const options = { seconds: 300, vcpus: 2, accel, seed: 1, plant };
  const isBounded = plant === undefined || plant === "leak";
  return demo(isBounded ? { ...options, changes: ENOUGH } : options, {
    say: () => {},
    show: () => {},
  });
}

Deno.test("vCPUs replay a guest's accesses while its machine changes, and all is right", async () => {
  const report = await run();
  assertEquals(report.failures, []);
  assert(report.passed);
  assertEquals([report.recorded, report.different], [177_177, 7_851]);
  assertEquals([report.spaces, report.views], [26, 4]);
  assertEquals(report.vcpus.length, 2);
  assert(report.overtaken + report.settled > 1000 && report.holes > 0);
  assert(report.returned.viewsFreed === report.returned.viewsBuilt);
  assert(formatRows(reportRows(report)).includes("all memory came back"));
});

Deno.test("all vCPUs may find memory through memslots", async () => {
  const { failures, vcpus } = await run(undefined, "kvm");
  assertEquals([failures, vcpus.length], [[], 2]);
});

const CATCHES: Record<Plant, RegExp> = {
  "stale-tlb": /found what no version from its section shows|what was meant for another/,
  "early-free": /DIMM \d: a load found what no version/,
  "two-commits": /half of a transaction/,
  "leak": /blocks of the arena did not come back/,
};
for (const plant of PLANTS) {
  Deno.test(`a planted bug is caught: ${plant}`, async () => {
    const { passed, failures } = await run(plant);
    assert(!passed);
    assert(failures.some((failure) => CATCHES[plant].test(failure)), failures.join("; "));
  });
}

/** Runs a command line. */
async function command(...words: string[]): Promise<[number, string, string]> {
  const [out, err, shown]: string[][] = [[], [], []];
  const screen = {
    write: (text: string) => void shown!.push(text),
    columns: () => undefined,
    hasColours: false,
  };
  const status = await runProgram(DEMO, words, {
    out: (line) => out!.push(line),
    err: (line) => err!.push(line),
    screen,
    progress: screen,
    interrupt: () => AbortSignal.abort(),
  });
  return [status, out!.join("\n"), err!.join("\n")];
}

Deno.test("a run that the user ends early reports what it has, and does not fail for having little", async () => {
  const [status, out] = await command("--vcpus", "2", "--json");
  const report = JSON.parse(out) as Report;
  assertEquals([status, report.interrupted, report.failures], [0, true, []]);
});

Deno.test("the command line says what is wrong with it", async () => {
  const seconds =
    'Cannot run with --seconds "0": it must be an integer from 1 to 1000000. Try --help.';
  assertEquals(await command("--seconds", "0"), [2, "", seconds]);
  const plant = `Cannot run with --plant "tree": it must be one of ${
    PLANTS.join(", ")
  }. Try --help.`;
  assertEquals(await command("--plant", "tree"), [2, "", plant]);
  const noTlb = "Cannot run with --plant stale-tlb --accel kvm: it needs a TLB. Try --help.";
  assertEquals(await command("--accel", "kvm", "--plant", "stale-tlb"), [2, "", noTlb]);
});

Deno.test("--help", async (t) => {
  const [status, out] = await command("--help");
  assertEquals(status, 0);
  await assertSnapshot(t, out, { serializer: (text) => text });
});

Deno.test("errors come second in the status line, since a narrow terminal has only its begin", () => {
  const status = {
    ...{ elapsed: 5, seconds: 10, rates: [1e6, 2_340_000], commits: 7, gracePeriods: 3 },
    ...{ waiting: 0, reclaimed: 131_072, findings: 0 },
  };
  assertEquals(statusParts(status), [
    "[########--------] 5/10 s",
    "3.3M accesses/s",
    "7 commits",
    "131.1 KB reclaimed",
    "0 B waiting",
    "3 grace periods",
    "by vCPU: 1.0 2.3",
  ]);
  assertEquals(statusParts({ ...status, findings: 2 })[1], "WRONG 2");
});
