/**
 * Checks that the packages use no more of JavaScript's library than their oldest platform has.
 *
 * @module
 */

import { outputOf } from "../lib/command.ts";
import { allEntries } from "../lib/packages.ts";
import type { Tree } from "../lib/tree.ts";

/** What Node 20 has, and browsers of its age. "dom" is there for WebAssembly and timers. */
const LIB = ["es2023", "dom", "esnext.disposable"];

/**
 * Checks the types of all packages against that library: a newer function, or one of a platform, does
 * not exist there. Returns what the compiler reports, if anything.
 *
 * @param tree The project's files.
 * @param root The URL of their folder.
 */
export async function checkStandardLibrary(tree: Tree, root: string): Promise<string[]> {
  const entries = allEntries(tree).map(({ specifier, path }) =>
    [specifier, new URL(path, root).href] as const
  );
  const folder = await Deno.makeTempDir();
  try {
    const { compilerOptions } = JSON.parse(tree.get("deno.json") ?? "{}");
    const config = {
      compilerOptions: { ...compilerOptions, lib: LIB },
      imports: Object.fromEntries(entries),
    };
    await Deno.writeTextFile(`${folder}/deno.json`, JSON.stringify(config));
    const urls = entries.map(([, url]) => url);
    const args = ["check", `--config=${folder}/deno.json`, ...urls];
    const { success, stderr } = await outputOf(Deno.execPath(), args);
    return success ? [] : [stderr];
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
