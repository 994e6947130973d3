import { assert, assertEquals } from "@std/assert";
import { assertSnapshot } from "@std/testing/snapshot";
import { demo } from "./demo.ts";
import { Display, statusLine } from "./display.ts";
import { main } from "./main.ts";
import { type Accel, type Plant, PLANTS } from "./options.ts";
import { formatReport, type Report } from "./report.ts";

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
  assert(formatReport(report).includes("all memory came back"));
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

Deno.test("the command line says what is wrong with it", async () => {
  const shown: string[] = [];
  const printed: string[] = [];
  const display = new Display((text) => shown.push(text), false);
  assertEquals(await main(["--vcpus", "0"], (text) => printed.push(text), display), 2);
  assertEquals(await main(["--plant", "tree"], (text) => printed.push(text), display), 2);
  const noTlb = ["--accel", "kvm", "--plant", "stale-tlb"];
  assertEquals(await main(noTlb, (text) => printed.push(text), display), 2);
  assertEquals(await main(["--loud"], (text) => printed.push(text), display), 2);
  assertEquals(shown, [
    'Cannot run with --vcpus "0": it must be an integer from 1 to 64. Try --help.\n',
    `Cannot run with --plant "tree": it must be one of ${PLANTS.join(", ")}. Try --help.\n`,
    "Cannot run with --plant stale-tlb --accel kvm: it needs a TLB. Try --help.\n",
    'Cannot run with "--loud": there is no such option. Try --help.\n',
  ]);
});

Deno.test("--help", async (t) => {
  const printed: string[] = [];
  const display = new Display(() => {}, false);
  assertEquals(await main(["--help"], (text) => printed.push(text), display), 0);
  await assertSnapshot(t, printed.join(), { serializer: (text) => text });
});

const STATUS = {
  ...{ elapsed: 5, seconds: 10, rates: [1e6, 2_340_000], commits: 7, gracePeriods: 3 },
  ...{ waiting: 0, reclaimed: 131_072, findings: 0 },
};

Deno.test("a terminal has one line that is drawn again, anything else a line a second", () => {
  const line = "[########--------] 5/10 s | accesses/s 1.0M 2.3M | commits 7 | grace periods 3 | " +
    "waiting 0 B | reclaimed 131.1 KB";
  assertEquals(statusLine(STATUS), line);
  const written: string[] = [];
  const terminal = new Display((text) => written.push(text), true);
  terminal.show(STATUS);
  terminal.show({ ...STATUS, elapsed: 5.1, findings: 2 });
  assertEquals(written, [`\r\x1b[K${line}`, `\r\x1b[K${line} | WRONG 2`]);
  written.length = 0;
  const plain = new Display((text) => written.push(text), false);
  for (const elapsed of [5, 5.1, 5.9, 6]) plain.show({ ...STATUS, elapsed });
  assertEquals(written.length, 2);
});
