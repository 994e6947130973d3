import type { MemoryRegion } from "../region/memory_region.ts";
import type { Misfit } from "./view_mismatch.ts";
import {
  type Hidden,
  identityTrial,
  orderTrial,
  overlappingPairs,
  readonlyTrial,
  targetTrial,
  terminatesTrial,
} from "./hidden_trials.ts";

/** Rounds of trials before the search gives up: each round lets later bits react to earlier ones. */
const MAX_ROUNDS = 8;

/** The aliases for which several targets would do, with all of these. */
export type TargetChoices = ReadonlyMap<MemoryRegion, readonly MemoryRegion[]>;

/** Regions that print alike, so that the text does not say which of them an alias shows. */
export type Alike = readonly (readonly MemoryRegion[])[];

/** A hidden bit after the search. */
export interface Solved {
  readonly hidden: Hidden;
  /** Whether the printed views decide it: with the other value they would differ (more). */
  readonly inferred: boolean;
}

/**
 * Finds the bits that the tree's text does not print from the flat views that were printed: each is
 * tried both ways, and stays as it fits better. What makes no difference to any view is open.
 *
 * @param regions The regions, which are edited in place.
 * @param choices The aliases whose target is not clear.
 * @param alike The regions that the text does not tell apart.
 * @param misfit The distance from the printed views.
 * @param withViews Whether there are printed views; without any, every bit is open.
 */
export function solve(
  regions: readonly MemoryRegion[],
  choices: TargetChoices,
  alike: Alike,
  misfit: Misfit,
  withViews: boolean,
): Solved[] {
  const all = () => candidates(regions, choices, alike);
  if (!withViews) return all().map((hidden) => ({ hidden, inferred: false }));
  let score = misfit.score();
  for (let round = 0; round < MAX_ROUNDS && score > 0n; round++) {
    const before = score;
    for (const hidden of all()) {
      const other = misfit.scoreAfter(hidden);
      if (other >= score) continue;
      misfit.toggle(hidden);
      score = other;
    }
    if (score === before) break;
  }
  return all().map((hidden) => ({
    hidden,
    inferred: misfit.scoreAfter(hidden) !== score,
  }));
}

/** All bits that the text leaves open, made anew in each round: a trial knows the list's order as it is now. */
function candidates(
  regions: readonly MemoryRegion[],
  choices: TargetChoices,
  alike: Alike,
): Hidden[] {
  return [
    ...alike.flatMap((group) => {
      const shown = group.filter(({ aliases }) => aliases.size > 0);
      return shown.flatMap((one) =>
        group.filter((other) => other !== one).map((other) => identityTrial(one, other))
      );
    }),
    ...[...choices].flatMap(([alias, targets]) =>
      targets.filter((other) => other !== alias.alias).map((other) => targetTrial(alias, other))
    ),
    ...regions.filter(isPlainIo).map(terminatesTrial),
    ...regions.flatMap(overlappingPairs).map(([front, back]) => orderTrial(front, back)),
    // What is printed as RAM is not readonly itself; an alias or a container around it may be.
    ...regions.filter((region) => region.alias !== null).map(readonlyTrial),
    ...regions.filter(isPlainIo).map(readonlyTrial),
  ];
}

function isPlainIo(region: MemoryRegion): boolean {
  return region.kind === "io" || region.kind === "container";
}
