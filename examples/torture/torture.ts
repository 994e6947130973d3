/**
 * A torture test of RCU over real workers, after liburcu's `rcutorture.h`: updaters replace
 * elements and count, in each element, the grace periods since; readers assert that they never see
 * an element whose grace period is over. Every element shows tearing, staleness and reuse, and a
 * run without errors passes only if it also shows that errors could have happened.
 *
 * @module
 */

import type { Progress } from "./control.ts";
import { Crew } from "../lib/crew.ts";
import { progressBar } from "../lib/terminal/status_line.ts";
import { type Answer, nameOf, type Order, type Result } from "./messages.ts";
import type { Options } from "./options.ts";
import { MIN_READS, MIN_UPDATES, type Report, report } from "./report.ts";
import { buildRig, countErrors, countGracePeriods, findLeaks, UPDATERS } from "./rig.ts";

const WORKER = import.meta.resolve("./worker.ts");
/** Columns of the status line's bar. */
const BAR = 16;
/** How often the run looks at its workers. */
const LOOK_MS = 10;

/**
 * Runs the torture test.
 *
 * @param options The run's parameters.
 * @param onProgress Called every few milliseconds with the parts of a status line.
 * @param interrupt Ends the run early.
 * @returns What it found.
 */
export async function torture(
  options: Options,
  onProgress: (parts: readonly string[]) => void = () => {},
  interrupt?: AbortSignal,
): Promise<Report> {
  const rig = buildRig(options);
  const crew = new Crew(rig.arena);
  const workers = rig.orders.map((order) => crew.start<Answer>(nameOf(order), WORKER, order));
  await Promise.all(workers.map((worker) => worker.answer())); // ready, or failed
  const start = performance.now();
  const elapsed = () => (performance.now() - start) / 1000;
  rig.control.go();
  while (elapsed() < options.seconds && crew.failures.length === 0) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    const progress = rig.orders.map(({ worker }) => rig.control.progress(worker));
    onProgress(statusParts(elapsed(), options, progress));
    if (interrupt?.aborted) break;
    if (isOver(options, rig.orders, progress)) break;
  }
  rig.control.stop();
  const results: Result[] = [];
  const ended = workers.map(async (worker) => {
    const result = await worker.answer();
    if (result !== null && result !== "ready") results.push(result);
  });
  await crew.within("workers", Promise.all(ended));
  const failures = crew.failures.length > 0 || countErrors(rig) > 0
    ? crew.failures
    : findLeaks(rig);
  return report({
    options,
    elapsed: elapsed(),
    gracePeriods: countGracePeriods(rig),
    results,
    failures,
    interrupted: interrupt?.aborted ?? false,
  });
}

/** Whether the run can end early: an error was found, or enough was done to prove something. */
function isOver(
  options: Options,
  orders: readonly Order[],
  progress: readonly Progress[],
): boolean {
  if (progress.some(({ errors }) => errors > 0)) return true;
  const { updates = Infinity } = options;
  const least = Math.max(MIN_UPDATES, updates / UPDATERS);
  return orders.every((order) => {
    const { rounds, overlapped, waited } = progress[order.worker]!;
    if (order.role === "reader") return rounds >= MIN_READS && overlapped > 0;
    return rounds >= least && overlapped > 0 && waited > 0;
  });
}

function statusParts(elapsed: number, options: Options, progress: readonly Progress[]): string[] {
  const total = (part: readonly Progress[]) => part.reduce((sum, { rounds }) => sum + rounds, 0);
  const reads = total(progress.slice(0, options.readers));
  const updates = total(progress.slice(options.readers));
  return [
    `${progressBar(elapsed, options.seconds, BAR)} ${elapsed.toFixed(0)}/${options.seconds} s`,
    `${reads.toLocaleString("en-US")} sections`,
    `${updates.toLocaleString("en-US")} updates`,
  ];
}
