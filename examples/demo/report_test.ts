import { assertEquals } from "@std/assert";
import { assertSnapshot } from "@std/testing/snapshot";
import type { VcpuResult } from "./messages.ts";
import { formatRows } from "../lib/terminal/report_rows.ts";
import { type Outcome, report, reportRows } from "./report.ts";

const VCPU: VcpuResult = {
  ...{ accesses: 2_000_000, exits: 5000, sections: 400, settled: 9000, overtaken: 90, holes: 12 },
  findings: [],
};

const OUTCOME: Outcome = {
  options: { seconds: 2, vcpus: 2, accel: "mixed", seed: 1 },
  ...{ elapsed: 2, recorded: 177_177, different: 7851, spaces: 26, views: 4 },
  changes: { "BARs moved": 30, "romd toggled": 4 },
  vcpus: [VCPU, VCPU],
  devices: { served: 9900, findings: [] },
  servedByControl: 100,
  controlFindings: [],
  returned: {
    ...{ viewsBuilt: 50, viewsFreed: 50, dimmBytes: 131_072, finalisers: 3, gracePeriods: 40 },
    problems: [],
  },
  failures: [],
  interrupted: false,
};

Deno.test("the printed report of a run that passes, and of one that fails", async (t) => {
  const text = { serializer: (text: string) => text };
  await assertSnapshot(t, formatRows(reportRows(report(OUTCOME))), text);
  const findings = [{ kind: "a device was called", count: 2, example: "key 7" }];
  const vcpus = [VCPU, { ...VCPU, findings }];
  await assertSnapshot(t, formatRows(reportRows(report({ ...OUTCOME, vcpus }))), text);
});

Deno.test("a run in which nothing happened fails", () => {
  const failuresOf = (change: Partial<Outcome>) => report({ ...OUTCOME, ...change }).failures;
  const idle = { ...VCPU, exits: 0, holes: 0 };
  assertEquals(failuresOf({ vcpus: [idle, idle] }), [
    "the run proves nothing: a vCPU reached no device",
    "the run proves nothing: no access ever found a place empty",
  ]);
  assertEquals(failuresOf({ vcpus: [VCPU] }), [
    "the run proves nothing: not all vCPUs finished",
  ]);
  assertEquals(failuresOf({ changes: { "BARs moved": 3 } }), [
    "the run proves nothing: there were only 3 commits",
  ]);
});
