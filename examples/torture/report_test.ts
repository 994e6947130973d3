import { assertEquals } from "@std/assert";
import { assertSnapshot } from "@std/testing/snapshot";
import type { ReaderResult, UpdaterResult } from "./messages.ts";
import { formatRows } from "../lib/terminal/report_rows.ts";
import { type Outcome, type Report, report, reportRows } from "./report.ts";

const READER: ReaderResult = {
  role: "reader",
  flavour: "memb",
  reads: 5000,
  histogram: [4000, 1000, 0, 0, 0, 0, 0, 0, 0, 0],
  overlapped: 10,
  findings: [],
};
const UPDATER: UpdaterResult = {
  role: "updater",
  updates: { sync: 100, call: 0, poll: 0, free: 0 },
  reused: 10,
  waited: 5,
  findings: [],
};
const OPTIONS = { seconds: 1, readers: 1, flavour: "memb", updater: "sync", seed: 1 } as const;

function reportOf(
  reader: Partial<ReaderResult> = {},
  updater: Partial<UpdaterResult> = {},
  outcome: Partial<Outcome> = {},
): Report {
  const results = [{ ...READER, ...reader }, { ...UPDATER, ...updater }];
  const whole = {
    options: OPTIONS,
    elapsed: 1,
    gracePeriods: 9,
    results,
    failures: [],
    interrupted: false,
  };
  return report({ ...whole, ...outcome });
}

function failuresOf(...changes: Parameters<typeof reportOf>): readonly string[] {
  return reportOf(...changes).failures;
}

/** Snapshots hold the text as it is printed. */
const TEXT = { serializer: (text: string) => text };

Deno.test("the printed report of a run that passes, and of one that fails", async (t) => {
  await assertSnapshot(t, formatRows(reportRows(reportOf())), TEXT);
  const findings = [{ kind: "poison", count: 2, example: "here" }];
  await assertSnapshot(t, formatRows(reportRows(reportOf({ findings, reads: 7 }))), TEXT);
});

Deno.test("a run without errors passes", () => {
  assertEquals(failuresOf({}), []);
});

Deno.test("a run that could not have found an error fails", () => {
  assertEquals(failuresOf({ reads: 999 }), [
    "a memb reader did 999 sections: fewer than 1000 prove nothing",
  ]);
  assertEquals(failuresOf({ overlapped: 0 }), [
    "no section of a memb reader overlapped a grace period: proves nothing",
  ]);
  assertEquals(failuresOf({}, { updates: { sync: 20, call: 20, poll: 5, free: 4 } }), [
    "an updater did 49 updates: fewer than 50 prove nothing",
  ]);
  assertEquals(failuresOf({}, { reused: 0 }), [
    "an updater never got a block back: proves nothing",
  ]);
  assertEquals(failuresOf({}, { waited: 0 }), [
    "no grace period of an updater had to wait: proves nothing",
  ]);
});

Deno.test("an age beyond 1 fails the run, in whichever bucket", () => {
  for (let age = 2; age < 10; age++) {
    const histogram = READER.histogram.with(age, 1);
    assertEquals(failuresOf({ histogram }), ["1 sections saw an element older than 1"]);
  }
});

Deno.test("errors of both sides and of the run as a whole fail it, added up by kind", () => {
  const findings = [{ kind: "poison", count: 2, example: "here" }];
  assertEquals(failuresOf({ findings }, { findings }, { failures: ["3 blocks were lost"] }), [
    "3 blocks were lost",
    "poison, 4 times; first: here",
  ]);
});
