/**
 * What a run found, and whether that proves anything.
 *
 * @module
 */

import { type Finding, mergeFindings } from "../lib/findings.ts";
import type { Row } from "../lib/terminal/report_rows.ts";
import type { ReaderResult, UpdaterResult } from "./messages.ts";
import type { Options } from "./options.ts";
import { AGES, OLDEST_ALLOWED } from "./reader.ts";

/** Fewer sections of one reader prove nothing. */
export const MIN_READS = 1000;
/** Fewer updates of one updater prove nothing. */
export const MIN_UPDATES = 50;

/** The outcome of a run. */
export interface Report {
  /** The run's parameters. */
  readonly options: Options;
  /** Whether `failures` is empty. */
  readonly passed: boolean;
  /** Why the run failed. */
  readonly failures: readonly string[];
  /** Errors that workers found. */
  readonly findings: readonly Finding[];
  /** How long it ran, in seconds. */
  readonly elapsed: number;
  /** Read-side sections. */
  readonly reads: number;
  /** Updates by the way in which the old element was reclaimed. */
  readonly updates: UpdaterResult["updates"];
  /** Grace periods that the domains completed. */
  readonly gracePeriods: number;
  /**
   * Sections by the age of the element that they examined; the last entry counts all older ones.
   */
  readonly histogram: readonly number[];
  /** Blocks allocated at an offset that the same updater had used before. */
  readonly reused: number;
  /** Sections during which a grace period began. */
  readonly overlapped: number;
  /** Grace periods that a reader held up at the first look. */
  readonly waited: number;
  /** Whether the user ended the run early. */
  readonly interrupted: boolean;
}

/** What {@linkcode report} sums up. */
export interface Outcome {
  readonly options: Options;
  readonly elapsed: number;
  readonly gracePeriods: number;
  readonly results: readonly (ReaderResult | UpdaterResult)[];
  /** What is wrong with the run as a whole. */
  readonly failures: readonly string[];
  /** Whether the user ended it early. */
  readonly interrupted: boolean;
}

/** Sums a run up and judges it. */
export function report(outcome: Outcome): Report {
  const { options, elapsed, gracePeriods, results } = outcome;
  const readers = results.filter((result) => result.role === "reader");
  const updaters = results.filter((result) => result.role === "updater");
  const findings = mergeFindings(results.flatMap((result) => result.findings));
  const failures = [
    ...outcome.failures,
    ...findings.map(({ kind, count, example }) => `${kind}, ${count} times; first: ${example}`),
  ];
  const histogram = Array.from({ length: AGES }, (_, age) => {
    return sum(readers, ({ histogram }) => histogram[age]!);
  });
  const tooOld = histogram.slice(OLDEST_ALLOWED + 1).reduce((a, b) => a + b, 0);
  if (tooOld > 0) failures.push(`${tooOld} sections saw an element older than ${OLDEST_ALLOWED}`);
  if (failures.length === 0 && !outcome.interrupted) {
    failures.push(...judgeReaders(readers), ...judgeUpdaters(updaters));
  }
  return {
    options,
    passed: failures.length === 0,
    failures,
    findings,
    elapsed,
    reads: sum(readers, ({ reads }) => reads),
    updates: {
      sync: sum(updaters, ({ updates }) => updates.sync),
      call: sum(updaters, ({ updates }) => updates.call),
      poll: sum(updaters, ({ updates }) => updates.poll),
      free: sum(updaters, ({ updates }) => updates.free),
    },
    gracePeriods,
    histogram,
    reused: sum(updaters, ({ reused }) => reused),
    overlapped: sum(readers, ({ overlapped }) => overlapped),
    waited: sum(updaters, ({ waited }) => waited),
    interrupted: outcome.interrupted,
  };
}

function judgeReaders(readers: readonly ReaderResult[]): string[] {
  const failures = readers.filter(({ reads }) => reads < MIN_READS).map(({ flavour, reads }) => {
    return `a ${flavour} reader did ${reads} sections: fewer than ${MIN_READS} prove nothing`;
  });
  for (const flavour of new Set(readers.map(({ flavour }) => flavour))) {
    const alike = readers.filter((reader) => reader.flavour === flavour);
    if (sum(alike, ({ overlapped }) => overlapped) > 0) continue;
    failures.push(`no section of a ${flavour} reader overlapped a grace period: proves nothing`);
  }
  return failures;
}

function judgeUpdaters(updaters: readonly UpdaterResult[]): string[] {
  return updaters.flatMap(({ updates, reused, waited }) => {
    const count = Object.values(updates).reduce((a, b) => a + b, 0);
    const failures: string[] = [];
    if (count < MIN_UPDATES) {
      failures.push(`an updater did ${count} updates: fewer than ${MIN_UPDATES} prove nothing`);
    }
    if (reused === 0) failures.push("an updater never got a block back: proves nothing");
    if (waited === 0) failures.push("no grace period of an updater had to wait: proves nothing");
    return failures;
  });
}

function sum<T>(list: readonly T[], value: (one: T) => number): number {
  return list.reduce((total, one) => total + value(one), 0);
}

/** The report as a person reads it. */
export function reportRows(report: Report): Row[] {
  const { options, updates } = report;
  const total = Object.values(updates).reduce((a, b) => a + b, 0);
  const ways = Object.entries(updates).map(([way, count]) => `${way} ${count}`).join(", ");
  const rows: Row[] = [
    [
      "run",
      `${options.flavour} readers: ${options.readers}, updaters: ${options.updater}, ` +
      `planted: ${options.plant ?? "nothing"}, seed ${options.seed}, ${
        report.elapsed.toFixed(1)
      } s${report.interrupted ? ", interrupted" : ""}`,
    ],
    ["sections", `${report.reads}`],
    ["updates", `${total} (${ways})`],
    ["grace periods", `${report.gracePeriods}`],
    ["ages seen", report.histogram.join(" ")],
    ["blocks reused in place", `${report.reused}`],
    ["sections in grace periods", `${report.overlapped}`],
    ["grace periods that waited", `${report.waited}`],
    ...report.failures.map((failure): Row => ["FAILED", failure]),
  ];
  if (report.passed) rows.push(["passed", "no section saw an element after its grace period"]);
  return rows;
}
