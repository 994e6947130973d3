/**
 * Checks that the top level of the repository holds only what a reader expects there.
 *
 * @module
 */

import { MEMBERS } from "../lib/tree.ts";

const ALLOWED = new Set([
  ...MEMBERS,
  "tools",
  ".ci",
  ".github",
  ".git",
  ".gitignore",
  "deno.json",
  "deno.lock",
  "LICENSE",
  "README.md",
]);

/** A line for each name that does not belong at the top level. */
export function checkTopLevel(names: Iterable<string>): string[] {
  return [...names].filter((name) => !ALLOWED.has(name)).map((name) =>
    `${name}: does not belong at the top level`
  );
}
