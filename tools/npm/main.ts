/**
 * Builds and packs the npm packages, and uses them as their users would: a project outside the
 * repository installs the tarballs, checks its types with tsc and runs its test on Node.
 *
 *     deno task npm               # leaves nothing behind
 *     deno task npm --out=FOLDER  # leaves the packages and the tarballs in an empty folder
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { readTree } from "../lib/tree.ts";
import { buildPackages } from "./build_packages.ts";
import { tryTarballs } from "./consumer_project.ts";
import { checkTarball, packAll } from "./tarballs.ts";

async function main(outDir: string): Promise<void> {
  const tree = await readTree(".");
  await buildPackages(tree, outDir);
  const tarballs = await packAll(outDir);
  const problems = tarballs.flatMap((tarball) => checkTarball(tarball, tree));
  if (problems.length > 0) throw new Error(`The tarballs are not sound:\n${problems.join("\n")}`);
  for (const { path, files } of tarballs) console.log(`${path}: ${files.size} files`);
  await tryTarballs(tarballs);
}

const { out } = parseArgs(Deno.args, { string: ["out"] });
const folder = await Deno.makeTempDir();
try {
  if (out !== undefined) {
    await Deno.mkdir(out, { recursive: true });
    for await (const { name } of Deno.readDir(out)) {
      throw new Error(`Cannot build in ${out}: it must be empty and holds ${name}`);
    }
  }
  await main(out === undefined ? folder : await Deno.realPath(out));
} finally {
  await Deno.remove(folder, { recursive: true });
}
