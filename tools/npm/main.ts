/**
 * Builds and packs the npm packages, and uses them as their users would: a project outside the
 * repository installs the tarballs, checks its types with tsc and runs its test on Node.
 * `deno task npm --help`.
 *
 * @module
 */

import { singleCommand } from "../../examples/lib/command_line/program.ts";
import { runMain, STANDARD_OUTPUT } from "../../examples/lib/command_line/run_program.ts";
import { UsageError } from "../../examples/lib/command_line/values.ts";
import { readTree } from "../lib/tree.ts";
import { buildPackages } from "./build_packages.ts";
import { tryTarballs } from "./consumer_project.ts";
import { checkTarball, packAll } from "./tarballs.ts";

async function buildAndTry(outDir: string): Promise<void> {
  console.log("Building the packages ...");
  const tree = await readTree(".");
  await buildPackages(tree, outDir);
  const tarballs = await packAll(outDir);
  const problems = tarballs.flatMap((tarball) => checkTarball(tarball, tree));
  if (problems.length > 0) throw new Error(`The tarballs are not sound:\n${problems.join("\n")}`);
  for (const { path, files } of tarballs) {
    const { size } = await Deno.stat(path);
    console.log(`${path}: ${files.size} files, ${Math.round(size / 1000)} kB`);
  }
  console.log("Installing them in a project, and testing it ...");
  await tryTarballs(tarballs);
}

async function refuseUnlessEmpty(folder: string): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  for await (const { name } of Deno.readDir(folder)) {
    throw new UsageError(`Cannot build in ${folder}: it must be empty and holds ${name}`);
  }
}

const NPM = singleCommand({
  command: "deno task npm",
  summary: "Builds the npm packages, and installs and tests them on Node.",
  options: {
    out: {
      value: "FOLDER",
      help: "leaves the packages and the tarballs in an empty folder (nothing is left behind)",
    },
  },
  async run(call) {
    const out = call.value("out");
    if (out !== undefined) {
      await refuseUnlessEmpty(out);
      await buildAndTry(await Deno.realPath(out));
      return 0;
    }
    const folder = await Deno.makeTempDir();
    try {
      await buildAndTry(folder);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
    return 0;
  },
});

await runMain(NPM, STANDARD_OUTPUT);
