import type { MemoryRegion } from "../region/memory_region.ts";
import {
  type Hidden,
  identityTrial,
  readonlyTrial,
  stateTrial,
  targetTrial,
  terminatesTrial,
} from "./hidden_trials.ts";
import { isDecided, movesOf, openPairs, orderByViews, type SiblingPair } from "./sibling_order.ts";
import type { Trial, ViewMismatch } from "./view_mismatch.ts";

/** Rounds of trials before the search gives up. In each round, bits react to those changed before. */
const MAX_ROUNDS = 8;
/** Changes that are tried before the search does not start again. */
const MAX_TRIALS = 10_000;

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

/** The search from one state on: each step makes the views fit better. */
class Climb {
  readonly #regions: readonly MemoryRegion[];
  readonly #choices: TargetChoices;
  readonly #alike: Alike;
  readonly #mismatch: ViewMismatch;
  #score: bigint;
  #trials = 0;

  constructor(
    regions: readonly MemoryRegion[],
    choices: TargetChoices,
    alike: Alike,
    mismatch: ViewMismatch,
  ) {
    this.#regions = regions;
    this.#choices = choices;
    this.#alike = alike;
    this.#mismatch = mismatch;
    this.#score = mismatch.score();
  }

  /** Distance from the printed views. */
  get score(): bigint {
    return this.#score;
  }

  /** How many changes were tried. */
  get trials(): number {
    return this.#trials;
  }

  /** Makes a change, better or not. */
  make(trial: Trial): void {
    this.#mismatch.toggle(trial);
    this.#score = this.#mismatch.score();
  }

  /** Goes on until nothing fits better. */
  run(): void {
    for (let round = 0; round < MAX_ROUNDS && this.#score > 0n; round++) {
      const before = this.#score;
      for (const trial of targetsOf(this.#choices, this.#alike)) this.#keepIfBetter(trial);
      // Before the bits: a region in the wrong place fits better if it shows nothing.
      this.#order();
      for (const trial of bitsOf(this.#regions)) this.#keepIfBetter(trial);
      if (this.#score === before) break;
    }
  }

  /** The single changes that the views notice, those first that make them fit best. */
  noticed(): Trial[] {
    const trials: readonly Trial[] = [
      ...targetsOf(this.#choices, this.#alike),
      ...bitsOf(this.#regions),
      ...this.#regions.flatMap(movesOf),
    ];
    const scored = trials.map((trial) => ({ trial, score: this.#scoreAfter(trial) }));
    return scored.filter(({ score }) => score !== this.#score)
      .sort((a, b) => a.score < b.score ? -1 : a.score > b.score ? 1 : 0)
      .map(({ trial }) => trial);
  }

  // What lies in a region is ordered before its siblings are, and again once these stand right.
  #order(): void {
    for (let round = 0, before = -1n; round < MAX_ROUNDS && this.#score !== before; round++) {
      before = this.#score;
      for (const region of this.#regions.toReversed()) {
        const trial = orderByViews(region, this.#mismatch);
        if (trial !== null) this.#keepIfBetter(trial);
      }
    }
  }

  #keepIfBetter(trial: Trial): void {
    const score = this.#scoreAfter(trial);
    if (score >= this.#score) return;
    this.#mismatch.toggle(trial);
    this.#score = score;
  }

  #scoreAfter(trial: Trial): bigint {
    this.#trials++;
    return this.#mismatch.scoreAfter(trial);
  }
}

/**
 * Climbs. If it ends where the views do not fit, two wrong facts may hide one another: so it starts again
 * behind each single change that the views notice, whether that fits better or worse, and keeps what
 * gets further.
 */
function search(
  regions: readonly MemoryRegion[],
  choices: TargetChoices,
  alike: Alike,
  mismatch: ViewMismatch,
): void {
  const climb = new Climb(regions, choices, alike, mismatch);
  climb.run();
  const first = climb.trials;
  while (climb.score > 0n) {
    const { score } = climb;
    for (const trial of climb.noticed()) {
      if (climb.trials - first > MAX_TRIALS) return;
      const back = stateTrial(regions);
      climb.make(trial);
      climb.run();
      if (climb.score < score) break;
      climb.make(back);
    }
    if (climb.score === score) return;
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
