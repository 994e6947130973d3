/**
 * Keeps the stand-ins of tools/offline as small as their use: each function and class that one exports
 * is imported somewhere.
 *
 * @module
 */

import { type Tree, withoutComments } from "../lib/tree.ts";

const FOLDER = "tools/offline";
const VALUE = /\bexport\s+(?:async\s+)?(?:const|class|function\*?)\s+([\w$]+)/g;
const IMPORT = /\bimport\s*\{([^}]*)\}\s*from\s*["']([^"']+)["']/g;
/** In documentation, too: its examples import like any module. */
const COMMENT_STAR = /^\s*\*/gm;

/** Every "specifier name" that some module outside of tools/offline, or an example, imports. */
function importedNames(tree: Tree): Set<string> {
  const names = new Set<string>();
  for (const [path, source] of tree) {
    if (!/\.(ts|md)$/.test(path) || path.startsWith(`${FOLDER}/`)) continue;
    for (const [, clause, specifier] of source.replace(COMMENT_STAR, "").matchAll(IMPORT)) {
      for (const name of clause!.split(",")) {
        names.add(`${specifier} ${name.trim().replace(/^type\s+/, "").replace(/\s+as\s.*/, "")}`);
      }
    }
  }
  return names;
}

/** A line for each function or class of a stand-in that nothing imports from outside. */
export function checkOfflineExports(tree: Tree): string[] {
  const { imports } = JSON.parse(tree.get(`${FOLDER}/imports.json`) ?? '{ "imports": {} }') as {
    imports: Record<string, string>;
  };
  const used = importedNames(tree);
  return Object.entries(imports).filter(([, target]) => target.startsWith("./"))
    .flatMap(([specifier, target]) => {
      const path = FOLDER + target.slice(1);
      const names = withoutComments(tree.get(path) ?? "").matchAll(VALUE);
      return [...names].filter(([, name]) => !used.has(`${specifier} ${name}`))
        .map(([, name]) => `${path}: nothing imports ${name} from ${specifier}`);
    });
}
