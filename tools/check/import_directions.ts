/**
 * Holds the picture of the packages against the code: who may import whom.
 *
 * @module
 */

import { isPublished, MEMBERS, topOf, type Tree, withoutComments } from "./tree.ts";

/** What each package may import; "types" allows `import type` alone. */
const ALLOWED: Record<string, Record<string, "all" | "types">> = {
  rcu: {},
  physmap: { rcu: "all" },
  flatview: { rcu: "all", physmap: "all" },
  ramblock: { rcu: "all" },
  iommu: { rcu: "all", flatview: "types" },
  examples: { rcu: "all", physmap: "all", flatview: "all", ramblock: "all", iommu: "all" },
};

interface Import {
  readonly specifier: string;
  readonly typeOnly: boolean;
}

/** Whether an import clause names types alone: `type X`, `type { X }` or `{ type X, type Y }`. */
function namesTypesOnly(clause: string): boolean {
  if (/^\s*type\b/.test(clause)) return true;
  const names = /^\s*\{([^}]*)\}\s*$/.exec(clause)?.[1]?.split(",").map((name) => name.trim());
  return names?.filter(Boolean).every((name) => name.startsWith("type ")) ?? false;
}

/** The modules that a source names. */
export function importsOf(source: string): Import[] {
  const code = withoutComments(source);
  const found: Import[] = [];
  for (const match of code.matchAll(/\b(?:im|ex)port\b([^;"'`()]*?)\bfrom\s*["']([^"']+)["']/g)) {
    found.push({ specifier: match[2]!, typeOnly: namesTypesOnly(match[1]!) });
  }
  const named = /\bimport\s*(?:\.meta\.resolve\s*)?\(?\s*["']([^"']+)["']/g;
  for (const match of code.matchAll(named)) found.push({ specifier: match[1]!, typeOnly: false });
  return found;
}

/** Why a file must not import a module, or undefined if it may. */
function objection(path: string, { specifier, typeOnly }: Import): string | undefined {
  const from = topOf(path);
  if (specifier.startsWith(".")) {
    const target = new URL(specifier, `file:///${path}`).pathname.slice(1);
    return topOf(target) === from ? undefined : "a relative import leaves its package";
  }
  const member = /^@guestmem\/([^/]+)/.exec(specifier)?.[1];
  if (member === undefined) {
    const dependency = isPublished(path) && from !== "examples";
    return dependency ? "a package depends on nothing but its siblings" : undefined;
  }
  if (member === from) return undefined;
  const allowed = ALLOWED[from]?.[member];
  if (allowed === undefined) return `${from} must not import ${member}`;
  return allowed === "types" && !typeOnly
    ? `${from} may import only types of ${member}`
    : undefined;
}

/** A line for each import that the picture does not allow. Tests are held to it too; tools are not. */
export function checkImportDirections(tree: Tree): string[] {
  const problems: string[] = [];
  for (const [path, source] of tree) {
    if (!path.endsWith(".ts") || !MEMBERS.includes(topOf(path))) continue;
    for (const found of importsOf(source)) {
      const reason = objection(path, found);
      if (reason !== undefined) problems.push(`${path}: imports "${found.specifier}": ${reason}`);
    }
  }
  return problems;
}
