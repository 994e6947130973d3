import { FlatViewError } from "../errors/flat_view_error.ts";
import type { Assembly, Draft } from "./assemble_tree.ts";

/** Which region each alias shows, and where the text left a choice. */
export interface AliasTargets {
  /** The target of each alias. */
  readonly targets: ReadonlyMap<Draft, Draft>;
  /** Aliases whose target was told from the owner: `-o` prints the same for both. */
  readonly byOwner: readonly Draft[];
  /** Aliases for which several targets of that name would do, and what else they could be. */
  readonly open: ReadonlyMap<Draft, readonly Draft[]>;
}

/**
 * Finds the targets of aliases, which the text gives by name only. Sections come in the order in
 * which their regions were first met as targets, so at any alias the targets met so far are the
 * first few sections, and the alias names one of these or the next. What does not lead to a reading
 * in which every section is met before it is printed is ruled out; owners decide what is left.
 *
 * @throws {FlatViewError} `MALFORMED_TEXT` if there is no such reading.
 */
export function findTargets(assembly: Assembly): AliasTargets {
  return new TargetFinder(assembly).find();
}

class TargetFinder {
  readonly #sections: Assembly["sections"];
  /** The aliases, each where it is printed first. */
  readonly #aliases: readonly Draft[];
  /** For each alias, how many sections are printed before it: as many must have been met. */
  readonly #printedBefore: readonly number[];
  readonly #byOwner: Draft[] = [];
  readonly #open = new Map<Draft, readonly Draft[]>();

  constructor({ aliases, sections }: Assembly) {
    this.#sections = sections;
    const first = new Map<Draft, number>();
    aliases.forEach((alias, index) => first.has(alias) || first.set(alias, index));
    this.#aliases = [...first.keys()];
    this.#printedBefore = [...first.values()].map((index) =>
      sections.filter(({ aliasesBefore }) => aliasesBefore <= index).length
    );
  }

  find(): AliasTargets {
    const feasible = this.#feasible();
    const targets = new Map<Draft, Draft>();
    let met = 0;
    /** Numbers of met sections that some reading has here. */
    let readings = new Set([0]);
    this.#aliases.forEach((alias, index) => {
      const after = feasible[index + 1]!;
      const possible = new Set([...readings].flatMap((n) => this.#candidates(alias, n, after)));
      readings = this.#step(alias, readings, after);
      const candidates = this.#candidates(alias, met, after);
      if (candidates.length === 0) throw noReading(alias);
      const next = this.#isNext(alias, met) ? this.#sections[met]!.target : null;
      const choice = this.#choose(alias, candidates, [...possible], next);
      if (choice === next) met++;
      targets.set(alias, choice);
    });
    return { targets, byOwner: this.#byOwner, open: this.#open };
  }

  /** What an alias can mean where so many sections are met. */
  #candidates(alias: Draft, met: number, after: ReadonlySet<number>): Draft[] {
    const candidates = after.has(met) ? this.#known(alias, met) : [];
    if (after.has(met + 1) && this.#isNext(alias, met)) {
      candidates.push(this.#sections[met]!.target);
    }
    return candidates;
  }

  #step(alias: Draft, readings: ReadonlySet<number>, after: ReadonlySet<number>): Set<number> {
    const next = new Set<number>();
    for (const met of readings) {
      if (after.has(met) && this.#known(alias, met).length > 0) next.add(met);
      if (after.has(met + 1) && this.#isNext(alias, met)) next.add(met + 1);
    }
    return next;
  }

  /** For each alias, the numbers of met sections from which the rest can be read; one more entry for the end. */
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

  #known(alias: Draft, met: number): Draft[] {
    const known = this.#sections.slice(0, met).map(({ target }) => target);
    return known.filter((target) => isTarget(alias, target));
  }

  #isNext(alias: Draft, met: number): boolean {
    const next = this.#sections[met];
    return next !== undefined && isTarget(alias, next.target);
  }

  /** One of the candidates; `possible` holds what other readings of the aliases before leave besides. */
  #choose(
    alias: Draft,
    candidates: readonly Draft[],
    possible: readonly Draft[],
    next: Draft | null,
  ): Draft {
    if (possible.length === 1) return possible[0]!;
    const owned = candidates.filter(({ owner }) => owner !== "" && owner === alias.owner);
    if (owned.length === 1) {
      this.#byOwner.push(alias);
      return owned[0]!;
    }
    // Left open, and reported: the target that was met last, which assumes no further region.
    const choice = candidates.findLast((candidate) => candidate !== next) ?? candidates[0]!;
    this.#open.set(alias, possible.filter((candidate) => candidate !== choice));
    return choice;
  }
}

/** Whether the line of an alias can mean this region: name and kind are printed. */
function isTarget(alias: Draft, target: Draft): boolean {
  return target.name === alias.alias!.target && target.kind === alias.kind;
}

function noReading(alias: Draft): FlatViewError {
  return new FlatViewError("MALFORMED_TEXT", {
    line: alias.line,
    where: "",
    expected: `a section "memory-region: ${alias.alias!.target}" in its place: sections come in ` +
      `the order in which aliases first name them`,
    found: "",
  });
}
