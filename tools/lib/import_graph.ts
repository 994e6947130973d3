/**
 * Which module imports which, as the sources say: the one parser and the one graph of all checks.
 *
 * @module
 */

import { allEntries } from "./packages.ts";
import { isPublished, topOf, type Tree, withoutComments } from "./tree.ts";

/**
 * How a module is named: for its values, for its types alone, or by `import.meta.resolve`, which does
 * not load it here (a worker's module is started from its URL).
 */
export type ImportKind = "values" | "types" | "url";

/** A module that a source names. */
export interface Import {
  readonly specifier: string;
  readonly kind: ImportKind;
}

/** An import whose target is a file of the project. */
export interface Edge extends Import {
  readonly from: string;
  readonly to: string;
}

/** Whether an import clause names types alone: `type X`, `type { X }` or `{ type X, type Y }`. */
function namesTypesOnly(clause: string): boolean {
  if (/^\s*type\b/.test(clause)) return true;
  const names = /^\s*\{([^}]*)\}\s*$/.exec(clause)?.[1]?.split(",").map((name) => name.trim());
  return names?.filter(Boolean).every((name) => name.startsWith("type ")) ?? false;
}

/** `import ... from "x"` and `export ... from "x"`: the clause and the specifier. */
const CLAUSE = /\b(?:im|ex)port\b([^;"'`()]*?)\bfrom\s*["']([^"']+)["']/g;
/** `import "x"`, `import("x")` in code or in a type, and `import.meta.resolve("x")`. */
const CALL = /\bimport\s*(\.meta\.resolve\s*)?\(?\s*["']([^"']+)["']/g;

/** The modules that a source names. */
export function importsOf(source: string): Import[] {
  const code = withoutComments(source);
  const clauses = [...code.matchAll(CLAUSE)].map(([, clause, specifier]): Import => ({
    specifier: specifier!,
    kind: namesTypesOnly(clause!) ? "types" : "values",
  }));
  const calls = [...code.matchAll(CALL)].map(([, resolve, specifier]): Import => ({
    specifier: specifier!,
    kind: resolve === undefined ? "values" : "url",
  }));
  return [...clauses, ...calls];
}

/** The file that a specifier means in a module; undefined for what is not the project's. */
function resolve(
  entries: ReadonlyMap<string, string>,
  from: string,
  specifier: string,
): string | undefined {
  if (specifier.startsWith("#tools/")) return `tools/${specifier.slice("#tools/".length)}`;
  if (specifier.startsWith(".")) return new URL(specifier, `file:///${from}`).pathname.slice(1);
  return entries.get(specifier);
}

/** The imports of every TypeScript file, by path, but for those whose target is not in the tree. */
export function importGraph(tree: Tree): Map<string, Edge[]> {
  const entries = new Map(allEntries(tree).map(({ specifier, path }) => [specifier, path]));
  const graph = new Map<string, Edge[]>();
  for (const [from, source] of tree) {
    if (!from.endsWith(".ts") || from.endsWith(".as.ts")) continue;
    const edges = importsOf(source).flatMap((found): Edge[] => {
      const to = resolve(entries, from, found.specifier);
      return to !== undefined && tree.has(to) ? [{ ...found, from, to }] : [];
    });
    graph.set(from, edges);
  }
  return graph;
}

/** Every specifier that the published modules of a package name. */
export function importedBy(tree: Tree, member: string): Set<string> {
  const sources = [...tree].filter(([path]) => topOf(path) === member && isPublished(path));
  return new Set(
    sources.flatMap(([, source]) => importsOf(source).map(({ specifier }) => specifier)),
  );
}

/** The siblings whose internals a package imports, so that it depends on their exact version. */
export function internalsImportedBy(tree: Tree, member: string): string[] {
  return [...importedBy(tree, member)].flatMap((specifier) =>
    /^@guestmem\/([^/]+)\/internal$/.exec(specifier)?.[1] ?? []
  ).sort();
}
