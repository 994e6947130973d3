/** Largest distance; greater ones count as this one. */
const MAX_DISTANCE = 2 ** 19;

/** Which address spaces share a view, as printed, and how far another grouping is from that. */
export class ViewSharing {
  readonly #text: string;
  /** For each label, the groups that contain it, and how often. */
  readonly #groupsOf = new Map<string, Map<number, number>>();
  #pairs = 0;

  /** @param groups Labels of address spaces that share a view, a group for each view. */
  constructor(groups: readonly (readonly string[])[]) {
    this.#text = textOf(groups);
    groups.forEach((group, index) => {
      this.#pairs += pairsOf(group.length);
      for (const [label, count] of counts(group)) {
        const known = this.#groupsOf.get(label);
        if (known === undefined) this.#groupsOf.set(label, new Map([[index, count]]));
        else known.set(index, count);
      }
    });
  }

  /**
   * Counts the pairs that share a view in only one of the two groupings: the count falls with each
   * label that moves to where it belongs. If labels repeat it is an estimate, but 0 only if the
   * groupings are the same.
   */
  distance(groups: readonly (readonly string[])[]): number {
    if (textOf(groups) === this.#text) return 0;
    let pairs = this.#pairs;
    for (const group of groups) {
      const common = new Map<number, number>();
      for (const [label, count] of counts(group)) {
        for (const [index, printed] of this.#groupsOf.get(label) ?? []) {
          common.set(index, (common.get(index) ?? 0) + Math.min(count, printed));
        }
      }
      pairs += pairsOf(group.length);
      for (const both of common.values()) pairs -= 2 * pairsOf(both);
    }
    return Math.min(Math.max(pairs, 0) + 1, MAX_DISTANCE);
  }
}

function pairsOf(count: number): number {
  return count * (count - 1) / 2;
}

function counts(labels: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  return counts;
}

/** The grouping in a canonical form. */
function textOf(groups: readonly (readonly string[])[]): string {
  return groups.map((labels) => [...labels].sort().join("\n")).sort().join("\n\n");
}
