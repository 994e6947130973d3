/**
 * Keeps the stand-ins of tools/offline as small as their use: each function and class that one exports
 * is imported somewhere.
 *
 * @module
 */

import { isTestOnly, type Tree, withoutComments } from "../lib/tree.ts";

const FOLDER = "tools/offline";
const VALUE = /^export\s+(?:async\s+)?(?:const|class|function\*?)\s+([\w$]+)/gm;
const IMPORT = /\bimport\s*\{([^}]*)\}\s*from\s*["']([^"']+)["']/g;
/** In documentation, too: its examples import like any module. */
const COMMENT_STAR = /^\s*\*/gm;

/** Every "specifier name" that some module or example imports; stand-ins import one another by path. */
function importedNames(tree: Tree, specifierOf: ReadonlyMap<string, string>): Set<string> {
  const names = new Set<string>();
  for (const [path, source] of tree) {
    const isOffline = path.startsWith(`${FOLDER}/`);
    if (!/\.(ts|md)$/.test(path) || (isOffline && isTestOnly(path))) continue;
    for (const [, clause, target] of source.replace(COMMENT_STAR, "").matchAll(IMPORT)) {
      const specifier = isOffline ? specifierOf.get(target!) ?? target! : target!;
      for (const name of clause!.split(",")) {
        names.add(`${specifier} ${name.trim().replace(/^type\s+/, "").replace(/\s+as\s.*/, "")}`);
      }
    }
  }
  return names;
}

/** A line for each function or class of a stand-in that nothing but its own tests imports. */
export function checkOfflineExports(tree: Tree): string[] {
  const { imports } = JSON.parse(tree.get(`${FOLDER}/imports.json`) ?? '{ "imports": {} }') as {
    imports: Record<string, string>;
  };
  const standIns = Object.entries(imports).filter(([, target]) => target.startsWith("./"));
  const specifierOf = new Map(standIns.map(([specifier, target]) => [target, specifier]));
  const used = importedNames(tree, specifierOf);
  return standIns
    .flatMap(([specifier, target]) => {
      const path = FOLDER + target.slice(1);
      const names = withoutComments(tree.get(path) ?? "").matchAll(VALUE);
      return [...names].filter(([, name]) => !used.has(`${specifier} ${name}`))
        .map(([, name]) => `${path}: nothing imports ${name} from ${specifier}`);
    });
}
