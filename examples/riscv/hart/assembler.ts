/**
 * Instructions with labels, for the programs of tests. The encoders are `test_board.ts`'s.
 *
 * @module
 */

/** An instruction, a label in front of the next one, or a branch to a label, encoded for distance 0. */
export type Line =
  | number
  | { readonly label: string }
  | { readonly branch: string; readonly bits: number };

/** The program's instructions, and the offsets of its labels in bytes. */
export interface Assembled {
  readonly code: readonly number[];
  readonly labels: ReadonlyMap<string, number>;
}

/** Puts the distances into conditional branches. */
export function assemble(lines: readonly Line[]): Assembled {
  const labels = new Map<string, number>();
  let at = 0;
  for (const line of lines) {
    if (typeof line !== "number" && "label" in line) labels.set(line.label, at);
    else at += 4;
  }
  const code: number[] = [];
  for (const line of lines) {
    if (typeof line === "number") code.push(line >>> 0);
    else if ("branch" in line) {
      code.push((line.bits | distance(labels.get(line.branch)! - code.length * 4)) >>> 0);
    }
  }
  return { code, labels };
}

/** The distance fields of a conditional branch. */
function distance(bytes: number): number {
  return (bytes >> 12 & 1) << 31 | (bytes >> 5 & 63) << 25 | (bytes >> 1 & 15) << 8 |
    (bytes >> 11 & 1) << 7;
}
