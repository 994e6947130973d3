import type { MemoryRegion } from "../region/memory_region.ts";
import {
  type Hidden,
  identityTrial,
  orderTrial,
  overlappingPairs,
  readonlyTrial,
  targetTrial,
  terminatesTrial,
} from "./hidden_trials.ts";
import type { ViewMismatch } from "./view_mismatch.ts";

/** Rounds of trials before the search gives up. In each round, bits react to those changed before. */
const MAX_ROUNDS = 8;

/** The aliases with several possible targets, with all of those. */
export type TargetChoices = ReadonlyMap<MemoryRegion, readonly MemoryRegion[]>;

/** Groups of regions that print alike: the text does not say which of a group an alias shows. */
export type Alike = readonly (readonly MemoryRegion[])[];

/** A hidden bit, after the search. */
export interface SearchedBit {
  readonly hidden: Hidden;
  /** Whether the printed views decide it: with the other value they would differ more. */
  readonly inferred: boolean;
}

/**
 * Infers the bits that the tree's text does not print from the printed flat views. Each bit is tried
 * both ways and keeps the value that fits better. A bit that changes no view stays open.
 *
 * @param regions The regions; they are edited in place.
 * @param choices The aliases with several possible targets.
 * @param alike The regions that the text does not distinguish.
 * @param mismatch Measures the distance from the printed views.
 * @param withViews Whether there are printed views; without any, every bit is open.
 */
export function searchHidden(
  regions: readonly MemoryRegion[],
  choices: TargetChoices,
  alike: Alike,
  mismatch: ViewMismatch,
  withViews: boolean,
): SearchedBit[] {
  const all = () => candidates(regions, choices, alike);
  if (!withViews) return all().map((hidden) => ({ hidden, inferred: false }));
  let score = mismatch.score();
  for (let round = 0; round < MAX_ROUNDS && score > 0n; round++) {
    const before = score;
    for (const hidden of all()) {
      const other = mismatch.scoreAfter(hidden);
      if (other >= score) continue;
      mismatch.toggle(hidden);
      score = other;
    }
    if (score === before) break;
  }
  return all().map((hidden) => ({
    hidden,
    inferred: mismatch.scoreAfter(hidden) !== score,
  }));
}

/** All bits that the text leaves open. Built for each round: a trial depends on the present order of lists. */
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
    // A region that prints as RAM is not readonly itself; an alias or a container of it may be.
    ...regions.filter((region) => region.alias !== null).map(readonlyTrial),
    ...regions.filter(isPlainIo).map(readonlyTrial),
  ];
}

function isPlainIo(region: MemoryRegion): boolean {
  return region.kind === "io" || region.kind === "container";
}
