/**
 * What a person sees of a run while it goes on.
 *
 * @module
 */

import { progressBar } from "../lib/terminal/status_line.ts";

/** The state of a run. */
export interface Status {
  readonly elapsed: number;
  readonly seconds: number;
  /** Accesses a second, of each vCPU. */
  readonly rates: readonly number[];
  readonly commits: number;
  readonly gracePeriods: number;
  /** Bytes that wait for a grace period, and bytes reclaimed after one. */
  readonly waiting: number;
  readonly reclaimed: number;
  readonly findings: number;
}

const BAR = 16;

/** The parts of the status line, the most important first. */
export function statusParts(status: Status): string[] {
  const { elapsed, seconds, rates, commits, gracePeriods, waiting, reclaimed, findings } = status;
  const sum = rates.reduce((total, rate) => total + rate, 0);
  return [
    `${progressBar(elapsed, seconds, BAR)} ${elapsed.toFixed(0)}/${seconds} s`,
    ...findings > 0 ? [`WRONG ${findings}`] : [],
    `${(sum / 1e6).toFixed(1)}M accesses/s`,
    `${commits} commits`,
    `${bytes(reclaimed)} reclaimed`,
    `${bytes(waiting)} waiting`,
    `${gracePeriods} grace periods`,
    `by vCPU: ${rates.map((rate) => (rate / 1e6).toFixed(1)).join(" ")}`,
  ];
}

function bytes(count: number): string {
  const units = ["B", "KB", "MB", "GB"];
  const power = Math.min(3, Math.floor(Math.log10(Math.max(count, 1)) / 3));
  return `${(count / 1000 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`;
}
