/**
 * Errors that a run found, by kind.
 *
 * @module
 */

/** Errors of one kind. */
export interface Finding {
  readonly kind: string;
  readonly count: number;
  /** A description of the first. */
  readonly example: string;
}

/** Collects errors and counts them by kind. */
export class Findings {
  readonly #kinds = new Map<string, { count: number; example: string }>();

  /** Errors of all kinds. */
  count = 0;

  /** Adds an error. Only the first of its kind is described. */
  add(kind: string, describe: () => string): void {
    this.count++;
    const known = this.#kinds.get(kind);
    if (known) known.count++;
    else this.#kinds.set(kind, { count: 1, example: describe() });
  }

  /** The errors by kind. */
  list(): Finding[] {
    return Array.from(this.#kinds, ([kind, found]) => ({ kind, ...found }));
  }
}

/** Adds up the errors of several workers, by kind. */
export function mergeFindings(findings: readonly Finding[]): Finding[] {
  const kinds = new Map<string, Finding>();
  for (const { kind, count, example } of findings) {
    const known = kinds.get(kind);
    kinds.set(kind, known ? { ...known, count: known.count + count } : { kind, count, example });
  }
  return [...kinds.values()];
}
