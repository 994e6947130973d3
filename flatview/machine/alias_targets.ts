import { FlatViewError } from "../errors/flat_view_error.ts";
import type { AssembledRegion, Assembly } from "./assemble_tree.ts";

/** Which region each alias shows, and where the text leaves a choice. */
export interface AliasTargets {
  /** The target of each alias. */
  readonly targets: ReadonlyMap<AssembledRegion, AssembledRegion>;
  /** Aliases whose target was inferred from the owner: `-o` prints the same one for both. */
  readonly byOwner: readonly AssembledRegion[];
  /** Aliases with several possible targets of that name, and the ones that were not chosen. */
  readonly open: ReadonlyMap<AssembledRegion, readonly AssembledRegion[]>;
}

/**
 * Finds the targets of aliases, which the text gives by name only. Sections come in the order in
 * which their regions were first met as targets. So at any alias the targets met so far are the first
 * few sections, and the alias names one of these or the next. A choice is ruled out if no reading of
 * the rest meets every section before it is printed. Among the remaining choices owners decide.
 *
 * Without `-D`, aliases that are disabled are left out, but the sections of their targets are not. So
 * any section of the name may be the target, and the order gives only the first guess.
 *
 * @param isWhole Whether the text is known to show all aliases.
 * @throws {FlatViewError} `MALFORMED_TEXT` if there is no such reading.
 */
export function findTargets(assembly: Assembly, isWhole: boolean): AliasTargets {
  const finder = new TargetFinder(assembly);
  if (isWhole) return finder.find();
  return finder.isReadable() ? withOthers(finder.find(), assembly) : guessTargets(assembly);
}

/** Guesses targets where aliases are missing: by owner, or the section that was met last, or the next. */
function guessTargets(assembly: Assembly): AliasTargets {
  const targets = new Map<AssembledRegion, AssembledRegion>();
  const byOwner: AssembledRegion[] = [];
  const sections = assembly.sections.map(({ target }) => target);
  let met = 0;
  for (const alias of new Set(assembly.aliases)) {
    const named = sections.filter((target) => isTarget(alias, target));
    if (named.length === 0) throw noReading(alias);
    const candidates = withoutCircles(alias, named, targets);
    const owned = candidates.length > 1 ? ownedBy(alias, candidates) : null;
    if (owned !== null) byOwner.push(alias);
    const known = candidates.findLast((target) => sections.indexOf(target) < met);
    const choice = owned ?? known ?? candidates[0]!;
    met = Math.max(met, sections.indexOf(choice) + 1);
    targets.set(alias, choice);
  }
  return withOthers({ targets, byOwner, open: new Map() }, assembly);
}

/** Leaves open all other sections of the name, unless the owner decided. */
function withOthers({ targets, byOwner }: AliasTargets, { sections }: Assembly): AliasTargets {
  const open = new Map<AssembledRegion, readonly AssembledRegion[]>();
  const isOwned = new Set(byOwner);
  for (const [alias, choice] of targets) {
    const others = sections.map(({ target }) => target).filter((target) =>
      target !== choice && isTarget(alias, target)
    );
    if (others.length > 0 && !isOwned.has(alias)) open.set(alias, others);
  }
  return { targets, byOwner, open };
}

/**
 * Leaves out candidates that lead back to the alias: QEMU could not render an alias that shows
 * itself. Disabled ones may, so if nothing is left all candidates stay.
 */
function withoutCircles(
  alias: AssembledRegion,
  candidates: readonly AssembledRegion[],
  targets: ReadonlyMap<AssembledRegion, AssembledRegion>,
): readonly AssembledRegion[] {
  if (candidates.length < 2) return candidates;
  const finite = candidates.filter((candidate) => !leadsTo(candidate, alias, targets));
  return finite.length > 0 ? finite : candidates;
}

/** Whether a region shows another, through containers and the aliases whose targets are known. */
function leadsTo(
  from: AssembledRegion,
  to: AssembledRegion,
  targets: ReadonlyMap<AssembledRegion, AssembledRegion>,
): boolean {
  const seen = new Set([from]);
  // The iteration of a Set also visits what is added during it.
  for (const region of seen) {
    if (region === to) return true;
    for (const child of region.children) seen.add(child);
    const target = targets.get(region);
    if (target !== undefined) seen.add(target);
  }
  return false;
}

/** The only candidate that has the owner of an alias. */
function ownedBy(
  alias: AssembledRegion,
  candidates: readonly AssembledRegion[],
): AssembledRegion | null {
  const owned = candidates.filter(({ owner }) => owner !== "" && owner === alias.owner);
  return owned.length === 1 ? owned[0]! : null;
}

class TargetFinder {
  readonly #sections: Assembly["sections"];
  /** The aliases, each where it is printed first. */
  readonly #aliases: readonly AssembledRegion[];
  /** For each alias, how many sections are printed before it: that many must have been met. */
  readonly #printedBefore: readonly number[];
  readonly #byOwner: AssembledRegion[] = [];
  readonly #open = new Map<AssembledRegion, readonly AssembledRegion[]>();

  constructor({ aliases, sections }: Assembly) {
    this.#sections = sections;
    const first = new Map<AssembledRegion, number>();
    aliases.forEach((alias, index) => first.has(alias) || first.set(alias, index));
    this.#aliases = [...first.keys()];
    this.#printedBefore = [...first.values()].map((index) =>
      sections.filter(({ aliasesBefore }) => aliasesBefore <= index).length
    );
  }

  /** Whether the order of the sections is that in which the printed aliases first name them. */
  isReadable(): boolean {
    return this.#feasible()[0]!.has(0);
  }

  find(): AliasTargets {
    const feasible = this.#feasible();
    const targets = new Map<AssembledRegion, AssembledRegion>();
    let met = 0;
    /** How many sections are met at this point, in each possible reading. */
    let readings = new Set([0]);
    this.#aliases.forEach((alias, index) => {
      const after = feasible[index + 1]!;
      const possible = new Set([...readings].flatMap((n) => this.#candidates(alias, n, after)));
      readings = this.#step(alias, readings, after);
      const candidates = this.#candidates(alias, met, after);
      if (candidates.length === 0) throw noReading(alias);
      const next = this.#isNext(alias, met) ? this.#sections[met]!.target : null;
      const finite = withoutCircles(alias, candidates, targets);
      const choice = this.#choose(alias, finite, [...possible], next);
      if (choice === next) met++;
      targets.set(alias, choice);
    });
    return { targets, byOwner: this.#byOwner, open: this.#open };
  }

  /** The regions that an alias can mean when this many sections are met. */
  #candidates(alias: AssembledRegion, met: number, after: ReadonlySet<number>): AssembledRegion[] {
    const candidates = after.has(met) ? this.#known(alias, met) : [];
    if (after.has(met + 1) && this.#isNext(alias, met)) {
      candidates.push(this.#sections[met]!.target);
    }
    return candidates;
  }

  #step(
    alias: AssembledRegion,
    readings: ReadonlySet<number>,
    after: ReadonlySet<number>,
  ): Set<number> {
    const next = new Set<number>();
    for (const met of readings) {
      if (after.has(met) && this.#known(alias, met).length > 0) next.add(met);
      if (after.has(met + 1) && this.#isNext(alias, met)) next.add(met + 1);
    }
    return next;
  }

  /**
   * For each alias, the numbers of met sections from which the rest can be read; one more entry for
   * the end.
   */
  #feasible(): Set<number>[] {
    const count = this.#sections.length;
    const feasible: Set<number>[] = [];
    feasible[this.#aliases.length] = new Set([count]);
    for (let index = this.#aliases.length - 1; index >= 0; index--) {
      const alias = this.#aliases[index]!;
      const after = feasible[index + 1]!;
      feasible[index] = new Set();
      for (let met = this.#printedBefore[index]!; met <= count; met++) {
        const stays = after.has(met) && this.#known(alias, met).length > 0;
        const advances = after.has(met + 1) && this.#isNext(alias, met);
        if (stays || advances) feasible[index]!.add(met);
      }
    }
    return feasible;
  }

  #known(alias: AssembledRegion, met: number): AssembledRegion[] {
    const known = this.#sections.slice(0, met).map(({ target }) => target);
    return known.filter((target) => isTarget(alias, target));
  }

  #isNext(alias: AssembledRegion, met: number): boolean {
    const next = this.#sections[met];
    return next !== undefined && isTarget(alias, next.target);
  }

  /** Chooses a candidate. `possible` also has those that other readings of earlier aliases allow. */
  #choose(
    alias: AssembledRegion,
    candidates: readonly AssembledRegion[],
    possible: readonly AssembledRegion[],
    next: AssembledRegion | null,
  ): AssembledRegion {
    if (possible.length === 1) return possible[0]!;
    const owned = ownedBy(alias, candidates);
    if (owned !== null) {
      this.#byOwner.push(alias);
      return owned;
    }
    // Left open, and reported: the target that was met last, which assumes no further region.
    const choice = candidates.findLast((candidate) => candidate !== next) ?? candidates[0]!;
    this.#open.set(alias, possible.filter((candidate) => candidate !== choice));
    return choice;
  }
}

/** Whether an alias's line can mean this region: it prints the name and the kind. */
function isTarget(alias: AssembledRegion, target: AssembledRegion): boolean {
  return target.name === alias.alias!.target && target.kind === alias.kind;
}

function noReading(alias: AssembledRegion): FlatViewError {
  return new FlatViewError("MALFORMED_TEXT", {
    line: alias.line,
    where: "",
    expected: `a section "memory-region: ${alias.alias!.target}" in its place: sections come in ` +
      `the order in which aliases first name them`,
    found: "",
  });
}
