/**
 * Checks that the README of each package is what a user of npm reads first: short, and without need of a
 * checkout.
 *
 * @module
 */

import { PORTABLE, type Tree } from "../lib/tree.ts";

const MOST_WORDS = 800;

/** A line for each README that is too long, or sends its reader to a task of the repository. */
export function checkReadmes(tree: Tree): string[] {
  return PORTABLE.flatMap((member) => {
    const path = `${member}/README.md`;
    const text = tree.get(path) ?? "";
    const words = text.split(/\s+/).length;
    const problems: string[] = [];
    if (words > MOST_WORDS) problems.push(`${path}: has ${words} words, not at most ${MOST_WORDS}`);
    if (/\bdeno task\b/.test(text)) problems.push(`${path}: names a task of the repository`);
    return problems;
  });
}
