/**
 * Bundles programs of the repository for Node.
 *
 * @module
 */

import { run } from "./command.ts";

/** The option that replaces packages which a machine may not reach. */
export const IMPORT_MAP = "--import-map=tools/offline/imports.json";

/**
 * Bundles each module into a file of its own, with which Node needs nothing else. Must run in the
 * repository's root.
 *
 * @param modules `a/b.ts` becomes `b.js`.
 */
export async function bundleForNode(modules: readonly string[], folder: string): Promise<void> {
  await Deno.writeTextFile(`${folder}/package.json`, '{ "type": "module" }');
  for (const module of modules) {
    const output = `${folder}/${module.slice(module.lastIndexOf("/") + 1).replace(/ts$/, "js")}`;
    const args = ["bundle", "--quiet", "--platform=deno", IMPORT_MAP, `--output=${output}`, module];
    await run(Deno.execPath(), args);
  }
}
