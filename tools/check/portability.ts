/**
 * Finds what would tie one of the five packages to a platform.
 *
 * @module
 */

import { isPublished, PORTABLE, topOf, type Tree, withoutComments } from "../lib/tree.ts";

const FORBIDDEN: readonly (readonly [RegExp, string])[] = [
  [/\bDeno\s*[.?[]|\.Deno\b/, "Deno"],
  [/["']node:/, "a node: module"],
  [/\bprocess\s*\./, "process"],
  [/\bBuffer\s*\./, "Buffer"],
  [/(?<![.#\w$])require\s*\(\s*["'`]/, "require()"],
  [/\bnew\s+Worker\b/, "new Worker"],
  [/(?<![.#\w$])fetch\s*\(|\bglobalThis\.fetch\b/, "fetch()"],
  [/\bXMLHttpRequest\b/, "XMLHttpRequest"],
];

/** A line for each use of a platform's own API. Tests and examples in comments may use them. */
export function checkPortability(tree: Tree): string[] {
  const problems: string[] = [];
  for (const [path, source] of tree) {
    if (!isPublished(path) || !PORTABLE.includes(topOf(path))) continue;
    const code = withoutComments(source);
    for (const [pattern, what] of FORBIDDEN) {
      if (pattern.test(code)) problems.push(`${path}: uses ${what}: the package must be portable`);
    }
  }
  return problems;
}
