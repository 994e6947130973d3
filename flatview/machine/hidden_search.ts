import type { MemoryRegion } from "../region/memory_region.ts";
import {
  type Hidden,
  identityTrial,
  readonlyTrial,
  targetTrial,
  terminatesTrial,
} from "./hidden_trials.ts";
import { isDecided, openPairs, orderByViews, type SiblingPair } from "./sibling_order.ts";
import type { Trial, ViewMismatch } from "./view_mismatch.ts";

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

/** Two siblings whose order the text leaves open, after the search. */
export interface SearchedPair extends SiblingPair {
  /** Whether the printed views decide the order. */
  readonly inferred: boolean;
}

/** All that the search looked at. */
export interface Searched {
  readonly bits: readonly SearchedBit[];
  readonly pairs: readonly SearchedPair[];
}

/**
 * Infers the bits that the tree's text does not print from the printed flat views. Each bit is tried
 * both ways and keeps the value that fits better; siblings are ordered as the views show each pair of
 * them. A bit that changes no view stays open.
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
): Searched {
  if (withViews) search(regions, choices, alike, mismatch);
  const bits = [...targetsOf(choices, alike), ...bitsOf(regions)];
  const pairs = regions.flatMap(openPairs);
  if (!withViews) {
    return {
      bits: bits.map((hidden) => ({ hidden, inferred: false })),
      pairs: pairs.map((pair) => ({ ...pair, inferred: false })),
    };
  }
  const score = mismatch.score();
  return {
    bits: bits.map((hidden) => ({ hidden, inferred: mismatch.scoreAfter(hidden) !== score })),
    pairs: pairs.map((pair) => ({ ...pair, inferred: isDecided(pair, mismatch) })),
  };
}

function search(
  regions: readonly MemoryRegion[],
  choices: TargetChoices,
  alike: Alike,
  mismatch: ViewMismatch,
): void {
  let score = mismatch.score();
  const keepIfBetter = (trial: Trial) => {
    const other = mismatch.scoreAfter(trial);
    if (other >= score) return;
    mismatch.toggle(trial);
    score = other;
  };
  // What lies in a region is ordered before its siblings are, and again once these stand right.
  const order = () => {
    for (let round = 0, before = -1n; round < MAX_ROUNDS && score !== before; round++) {
      before = score;
      for (const region of regions.toReversed()) {
        const trial = orderByViews(region, mismatch);
        if (trial !== null) keepIfBetter(trial);
      }
    }
  };
  for (let round = 0; round < MAX_ROUNDS && score > 0n; round++) {
    const before = score;
    targetsOf(choices, alike).forEach(keepIfBetter);
    // Before the bits: a region in the wrong place fits better if it shows nothing.
    order();
    bitsOf(regions).forEach(keepIfBetter);
    if (score === before) break;
  }
}

/** Which regions aliases show. */
function targetsOf(choices: TargetChoices, alike: Alike): Hidden[] {
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
  ];
}

/** The flags of single regions. */
function bitsOf(regions: readonly MemoryRegion[]): Hidden[] {
  return [
    ...regions.filter(isPlainIo).map(terminatesTrial),
    // A region that prints as RAM is not readonly itself; an alias or a container of it may be.
    ...regions.filter((region) => region.alias !== null).map(readonlyTrial),
    ...regions.filter(isPlainIo).map(readonlyTrial),
  ];
}

function isPlainIo(region: MemoryRegion): boolean {
  return region.kind === "io" || region.kind === "container";
}
