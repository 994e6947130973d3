/**
 * What a run of the gate amounts to.
 *
 * @module
 */

import type { Judged, Verdict } from "./gate.ts";

/** Why mutants that survive do no harm, by name. */
export type Equivalents = Readonly<Record<string, string>>;

/** What a run of the gate amounts to. */
export interface Report {
  /** How many mutants there were of each verdict. */
  readonly counts: Readonly<Record<Verdict, number>>;
  /** How many of those that were not caught are listed with a reason. */
  readonly equivalent: number;
  /** A line for each mutant that was not caught and is not listed. */
  readonly open: readonly string[];
  /** A line for each name in the list that no mutant has, or whose mutant was caught. */
  readonly stale: readonly string[];
}

/**
 * Compares verdicts with the list of equivalent mutants.
 *
 * @param judged The verdicts of all mutants of a kernel, or of some of its functions.
 * @param equivalents The list.
 */
export function reportOf(judged: readonly Judged[], equivalents: Equivalents): Report {
  const counts = { "caught": 0, "undecided": 0, "survives": 0, "not executed": 0 };
  const open: string[] = [];
  const stale: string[] = [];
  const functions = new Set(judged.map(({ name }) => functionOf(name)));
  const seen = new Set<string>();
  let equivalent = 0;
  for (const { name, verdict, by } of judged) {
    counts[verdict]++;
    seen.add(name);
    const isListed = equivalents[name] !== undefined;
    if (verdict === "caught") {
      if (isListed) stale.push(`${name}: is caught by ${by}`);
    } else if (isListed) equivalent++;
    else open.push(`${verdict}: ${name}${by ? ` (${by})` : ""}`);
  }
  for (const name of Object.keys(equivalents)) {
    if (!seen.has(name) && functions.has(functionOf(name))) stale.push(`${name}: no such mutant`);
  }
  return { counts, equivalent, open, stale };
}

function functionOf(name: string): string {
  return name.slice(0, name.indexOf(":"));
}
