/**
 * What a run found, and whether it proves anything.
 *
 * @module
 */

import { type Finding, mergeFindings } from "../lib/findings.ts";
import type { Row } from "../lib/terminal/report_rows.ts";
import type { ChangeCounts } from "./changes.ts";
import type { DeviceResult, VcpuResult } from "./messages.ts";
import type { Options } from "./options.ts";

/** What was freed after the run, and what was not. */
export interface Returned {
  /** Flat views built, and freed after a grace period. */
  readonly viewsBuilt: number;
  readonly viewsFreed: number;
  /** Bytes of DIMMs that were unplugged. In a run that passed, all were zeroed and reclaimed. */
  readonly dimmBytes: number;
  /** Finalisers of unplugged devices that ran. */
  readonly finalisers: number;
  /** Grace periods. */
  readonly gracePeriods: number;
  /** What was not freed; empty if all memory was. */
  readonly problems: readonly string[];
}

/** What {@linkcode report} sums up. */
export interface Outcome {
  readonly options: Options;
  readonly elapsed: number;
  /** Accesses in the recording, distinct ones among them, and address spaces of the machine. */
  readonly recorded: number;
  readonly different: number;
  readonly spaces: number;
  /** Views that were compared with QEMU's, before and after. */
  readonly views: number;
  readonly changes: ChangeCounts;
  readonly vcpus: readonly VcpuResult[];
  readonly devices: DeviceResult;
  /** Accesses served by the control context. */
  readonly servedByControl: number;
  readonly controlFindings: readonly Finding[];
  readonly returned: Returned;
  /** Failures of the run itself. */
  readonly failures: readonly string[];
  /** Whether the user ended it early. */
  readonly interrupted: boolean;
}

/** The outcome of a run. */
export interface Report extends Omit<Outcome, "failures" | "controlFindings"> {
  readonly accesses: number;
  readonly exits: number;
  /** Accesses to places, by what they found; see `VcpuResult`. */
  readonly settled: number;
  readonly overtaken: number;
  readonly holes: number;
  readonly commits: number;
  /** Why it failed. */
  readonly failures: readonly string[];
  readonly passed: boolean;
}

/** Sums a run up and judges it. */
export function report({ controlFindings, ...outcome }: Outcome): Report {
  const { vcpus, devices, changes, returned } = outcome;
  const sum = (value: (one: VcpuResult) => number) =>
    vcpus.reduce((total, one) => total + value(one), 0);
  const sums = {
    accesses: sum(({ accesses }) => accesses),
    exits: sum(({ exits }) => exits),
    settled: sum(({ settled }) => settled),
    overtaken: sum(({ overtaken }) => overtaken),
    holes: sum(({ holes }) => holes),
    commits: Object.values(changes).reduce((total, count) => total + count, 0),
  };
  const found = [
    ...vcpus.flatMap(({ findings }) => findings),
    ...devices.findings,
    ...controlFindings,
  ];
  const failures = [
    ...outcome.failures,
    ...mergeFindings(found).map(({ kind, count, example }) =>
      `${kind}, ${count} times; first: ${example}`
    ),
    ...returned.problems,
  ];
  if (failures.length === 0 && !outcome.interrupted) {
    failures.push(...provesNothing(outcome, sums));
  }
  return { ...outcome, ...sums, failures, passed: failures.length === 0 };
}

/** A run in which nothing happened is no success. */
function provesNothing(
  { vcpus, devices, options }: Omit<Outcome, "controlFindings">,
  { commits, holes }: { commits: number; holes: number },
): string[] {
  const nothing: string[] = [];
  if (vcpus.length < options.vcpus) nothing.push("not all vCPUs finished");
  if (vcpus.some(({ exits }) => exits === 0)) nothing.push("a vCPU reached no device");
  if (devices.served === 0) nothing.push("no device was reached");
  if (commits < 20) nothing.push(`there were only ${commits} commits`);
  if (holes === 0) nothing.push("no access ever found a place empty");
  return nothing.map((why) => `the run proves nothing: ${why}`);
}

const big = (count: number): string => count.toLocaleString("en-US");

/** The report as a person reads it. */
export function reportRows(report: Report): Row[] {
  const rows: Row[] = [
    ...runRows(report),
    ...accessRows(report),
    ["memory", memoryRow(report)],
    ...report.failures.map((failure): Row => ["FAILED", failure]),
  ];
  if (report.passed) {
    rows.push([
      "passed",
      "every access found a version of the map that its section may see, none was torn, none " +
      "reached freed memory, and all memory came back",
    ]);
  }
  return rows;
}

function runRows(report: Report): Row[] {
  const { options, elapsed, interrupted, spaces, views, passed, recorded, different } = report;
  const { vcpus, accel, seed, plant = "nothing" } = options;
  return [
    [
      "machine",
      `QEMU q35 after SeaBIOS, ${spaces} address spaces; ${views} views` +
      (passed ? " as QEMU printed them, before and after" : ""),
    ],
    [
      "run",
      `${vcpus} vCPUs (${accel}), ${elapsed.toFixed(1)} s${interrupted ? ", interrupted" : ""}, ` +
      `seed ${seed}, planted: ${plant}`,
    ],
    [
      "recording",
      `${big(recorded)} accesses of a guest to devices and ports, ${big(different)} distinct`,
    ],
  ];
}

function accessRows(report: Report): Row[] {
  const { elapsed, devices, servedByControl, settled, overtaken, holes } = report;
  const changes = Object.entries(report.changes).map(([what, count]) => `${what} ${big(count)}`);
  const rates = report.vcpus.map(({ accesses }) => `${(accesses / elapsed / 1e6).toFixed(2)}M`);
  return [
    [
      "accesses",
      `${big(report.accesses)}, all checked; ${big(report.exits)} of them to recorded places and ` +
      `the plugged device; per second, by vCPU: ${rates.join(" ")}`,
    ],
    [
      "exits to devices",
      `${big(devices.served + servedByControl)}; served by the devices' worker ` +
      `${big(devices.served)}, by the control context ${big(servedByControl)}`,
    ],
    [
      "accesses to what changes",
      `${big(settled)} found the settled version, ${big(overtaken)} one announced just then; ` +
      `${big(holes)} found the place empty`,
    ],
    ["commits", `${big(report.commits)}: ${changes.join(", ")}`],
  ];
}

function memoryRow({ returned, passed }: Report): string {
  const { gracePeriods, viewsFreed, viewsBuilt, dimmBytes, finalisers } = returned;
  return `${big(gracePeriods)} grace periods; ${big(viewsFreed)} of ${big(viewsBuilt)} views ` +
    `freed; ${big(dimmBytes)} bytes of DIMMs ${passed ? "zeroed and reused" : "unplugged"}; ` +
    `${big(finalisers)} finalisers ran`;
}
