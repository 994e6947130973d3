/**
 * Checks who imports whom against the picture of the packages.
 *
 * @module
 */

import { type Import, importsOf } from "../lib/import_graph.ts";
import { isPublished, MEMBERS, topOf, type Tree } from "../lib/tree.ts";

/** What each package may import; "types" allows `import type` alone. */
const ALLOWED: Record<string, Record<string, "all" | "types">> = {
  rcu: {},
  physmap: { rcu: "all" },
  flatview: { rcu: "all", physmap: "all" },
  ramblock: { rcu: "all" },
  iommu: { rcu: "all", flatview: "types" },
  examples: { rcu: "all", physmap: "all", flatview: "all", ramblock: "all", iommu: "all" },
};

/** Why a file must not import a module, or undefined if it may. */
function objection(path: string, { specifier, kind }: Import): string | undefined {
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
  if (specifier.endsWith("/internal") && from === "examples") {
    return "internals are for the packages, not for their users";
  }
  const allowed = ALLOWED[from]?.[member];
  if (allowed === undefined) return `${from} must not import ${member}`;
  return allowed === "types" && kind !== "types"
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
