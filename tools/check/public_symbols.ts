/**
 * Counts what users have to know: the public symbols of each entry and the error classes of each
 * package. A door that grows must do so on purpose.
 *
 * @module
 */

import { allEntries } from "../lib/packages.ts";
import { isPublished, PORTABLE, topOf, type Tree, withoutComments } from "../lib/tree.ts";

/** The most public symbols that each entry may have. */
const MOST_SYMBOLS: Readonly<Record<string, number>> = {
  "@guestmem/rcu": 42,
  "@guestmem/rcu/layout": 11,
  "@guestmem/physmap": 10,
  "@guestmem/flatview": 34,
  "@guestmem/flatview/machine": 11,
  "@guestmem/flatview/mtree": 8,
  "@guestmem/flatview/vcpu": 9,
  "@guestmem/flatview/vm": 4,
  "@guestmem/ramblock": 14,
  "@guestmem/ramblock/memslots": 8,
  "@guestmem/iommu": 24,
  "@guestmem/rcu/internal": 13,
};

/** The most error classes that each package may have. */
const MOST_ERRORS: Readonly<Record<string, number>> = {
  rcu: 8,
  physmap: 1,
  flatview: 2,
  ramblock: 1,
  iommu: 1,
};

const LIST = /\bexport\s+(?:type\s+)?\{([^}]*)\}/g;
const DECLARATION =
  /\bexport\s+(?:declare\s+)?(?:abstract\s+)?(?:async\s+)?(?:const|let|class|function\*?|interface|type|enum)\s+([\w$]+)/g;
const ERROR_CLASS = /\bclass\s+\w+(?:<[^>{]*>)?\s+extends\s+(?:\w*Error)\b/g;

/** The names that a module exports. `export *` is not followed: {@link checkPublicSymbols} refuses it. */
export function exportedNames(source: string): string[] {
  const code = withoutComments(source);
  const listed = [...code.matchAll(LIST)].flatMap(([, names]) =>
    names!.split(",").map((name) => name.trim()).filter(Boolean)
      .map((name) => name.replace(/^type\s+/, "").replace(/^.*\sas\s+/, ""))
  );
  const declared = [...code.matchAll(DECLARATION)].map(([, name]) => name!);
  return [...new Set([...listed, ...declared])];
}

/** How many error classes the published modules of a package declare. */
function errorClasses(tree: Tree, member: string): number {
  return [...tree].filter(([path]) => topOf(path) === member && isPublished(path))
    .reduce(
      (sum, [, source]) => sum + (withoutComments(source).match(ERROR_CLASS)?.length ?? 0),
      0,
    );
}

/** A count that has a limit. */
interface Count {
  readonly of: string;
  readonly count: number;
  readonly most: number;
}

/** The public symbols of each entry. */
export function countSymbols(tree: Tree, most = MOST_SYMBOLS): Count[] {
  return allEntries(tree).map(({ specifier, path }) => ({
    of: specifier,
    count: exportedNames(tree.get(path) ?? "").length,
    most: most[specifier] ?? 0,
  }));
}

/** The error classes of each package. */
export function countErrors(tree: Tree, most = MOST_ERRORS): Count[] {
  return PORTABLE.map((member) => ({
    of: member,
    count: errorClasses(tree, member),
    most: most[member] ?? 0,
  }));
}

/** A line for each count that is above its limit, and for each door whose list is not explicit. */
export function checkPublicSymbols(
  tree: Tree,
  mostSymbols = MOST_SYMBOLS,
  mostErrors = MOST_ERRORS,
): string[] {
  const problems = allEntries(tree)
    .filter(({ path }) => /\bexport\s*\*/.test(withoutComments(tree.get(path) ?? "")))
    .map(({ path }) => `${path}: exports *: a door lists what it exports`);
  for (const { of, count, most } of countSymbols(tree, mostSymbols)) {
    if (count > most) problems.push(`${of}: ${count} public symbols, at most ${most} are agreed`);
  }
  for (const { of, count, most } of countErrors(tree, mostErrors)) {
    if (count > most) problems.push(`${of}: ${count} error classes, at most ${most} are agreed`);
  }
  return problems;
}

/** The counts in three lines, for the report. */
export function reportPublicSymbols(tree: Tree): string {
  const list = (counts: Count[]): string =>
    `${counts.reduce((sum, { count }) => sum + count, 0)} (${
      counts.map(({ of, count }) => `${of.replace("@guestmem/", "")} ${count}`).join(", ")
    })`;
  const symbols = countSymbols(tree);
  const isInternal = ({ of }: Count): boolean => of.endsWith("/internal");
  return [
    `public symbols: ${list(symbols.filter((count) => !isInternal(count)))}`,
    `for siblings only: ${list(symbols.filter(isInternal))}`,
    `error classes: ${list(countErrors(tree))}`,
  ].join("\n");
}
