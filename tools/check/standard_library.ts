/**
 * Holds the packages to the JavaScript that their oldest platform has.
 *
 * @module
 */

import { PORTABLE, type Tree } from "../lib/tree.ts";

/** What Node 20 has, and browsers of its age. "dom" is there for WebAssembly and timers. */
const LIB = ["es2023", "dom", "esnext.disposable"];

/** Every module that a package exports: its specifier and its path. */
function doorsOf(tree: Tree): [string, string][] {
  return PORTABLE.flatMap((member) => {
    const text = tree.get(`${member}/deno.json`);
    if (text === undefined) return [];
    const { name, exports } = JSON.parse(text) as { name: string; exports: Record<string, string> };
    return Object.entries(exports).map(([key, target]): [string, string] => [
      name + key.slice(1),
      member + target.slice(1),
    ]);
  });
}

/**
 * Checks the types of all packages against that library, so that a newer function (or a platform's
 * own) does not exist. What the compiler says, if anything.
 *
 * @param tree The project's files.
 * @param root The folder that they lie in.
 */
export async function checkStandardLibrary(tree: Tree, root: string): Promise<string[]> {
  const doors = doorsOf(tree).map(([name, path]) => [name, new URL(path, root).href] as const);
  const folder = await Deno.makeTempDir();
  try {
    const { compilerOptions } = JSON.parse(tree.get("deno.json") ?? "{}");
    const config = {
      compilerOptions: { ...compilerOptions, lib: LIB },
      imports: Object.fromEntries(doors),
    };
    await Deno.writeTextFile(`${folder}/deno.json`, JSON.stringify(config));
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["check", `--config=${folder}/deno.json`, ...doors.map(([, url]) => url)],
      env: { NO_COLOR: "1" },
      stdout: "null",
      stderr: "piped",
    }).output();
    return success ? [] : [new TextDecoder().decode(stderr)];
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
