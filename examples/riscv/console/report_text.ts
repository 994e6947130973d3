import type { RunReport } from "../run/supervisor.ts";

/** The exit status of the program. */
export function exitStatus({ exit }: RunReport): number {
  if (exit.kind === "failure") return 1;
  return exit.kind === "fail" ? exit.code & 0xff : 0;
}

/** The report for `--json`: what was measured, and rates. */
export function jsonReport(report: RunReport): string {
  const instructions = report.harts.reduce((sum, hart) => sum + hart.instructions, 0);
  const harts = report.harts.map((hart) => {
    const busy = hart.milliseconds - hart.asleep;
    return { ...hart, mips: Math.round(hart.instructions / busy / 1000) };
  });
  return JSON.stringify({ ...report, instructions, harts }, undefined, 2);
}
