/**
 * Holds the packages to the JavaScript that their oldest platform has.
 *
 * @module
 */

import { allEntries } from "../lib/packages.ts";
import type { Tree } from "../lib/tree.ts";

/** What Node 20 has, and browsers of its age. "dom" is there for WebAssembly and timers. */
const LIB = ["es2023", "dom", "esnext.disposable"];

/**
 * Checks the types of all packages against that library, so that a newer function (or a platform's
 * own) does not exist. What the compiler says, if anything.
 *
 * @param tree The project's files.
 * @param root The folder that they lie in.
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
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["check", `--config=${folder}/deno.json`, ...entries.map(([, url]) => url)],
      env: { NO_COLOR: "1" },
      stdout: "null",
      stderr: "piped",
    }).output();
    return success ? [] : [new TextDecoder().decode(stderr)];
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
