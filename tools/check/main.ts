/**
 * Runs all checks but the tests, prints a line for each, and exits with 1 if any failed:
 *
 *     deno task check
 *
 * @module
 */

import { singleCommand } from "../../examples/lib/command_line/program.ts";
import { runMain, STANDARD_OUTPUT } from "../../examples/lib/command_line/run_program.ts";
import { screenOf } from "../../examples/lib/terminal/screen.ts";
import { progressBar, StatusLine } from "../../examples/lib/terminal/status_line.ts";
import { buildPackages } from "../npm/build_packages.ts";
import { checkTarball, packAll } from "../npm/tarballs.ts";
import { DENO_CHECKS } from "./deno_commands.ts";
import { runGuides } from "../guides/run_guides.ts";
import { checkDocumentLinks } from "./document_links.ts";
import { checkExamplesRun } from "./examples_run.ts";
import { checkFloors } from "./floors.ts";
import { checkImportCircles } from "./import_circles.ts";
import { checkImportDirections } from "./import_directions.ts";
import { checkOfflineExports } from "./offline_exports.ts";
import { checkPackageExports } from "./package_exports.ts";
import { checkPortability } from "./portability.ts";
import { checkPublicSymbols, reportPublicSymbols } from "./public_symbols.ts";
import { checkStandardLibrary } from "./standard_library.ts";
import { checkTopLevel } from "./top_level.ts";
import { checkReadmes } from "./readmes.ts";
import { readTree, type Tree } from "../lib/tree.ts";

/** Packs the npm packages and checks what is in them. `deno task npm` installs and runs them, too. */
async function checkNpmPackages(tree: Tree): Promise<string[]> {
  const folder = await Deno.makeTempDir();
  try {
    await buildPackages(tree, folder);
    return (await packAll(folder)).flatMap((tarball) => checkTarball(tarball, tree));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const topLevel = (): string[] =>
  checkTopLevel(Array.from(Deno.readDirSync("."), ({ name }) => name));

const CHECKS: Record<string, (tree: Tree) => string[] | Promise<string[]>> = {
  "top level": topLevel,
  "package exports": checkPackageExports,
  "public symbols": (tree) => checkPublicSymbols(tree),
  "import directions": checkImportDirections,
  "import circles": checkImportCircles,
  "floors": (tree) => checkFloors(tree),
  "portability": checkPortability,
  "every example is run": checkExamplesRun,
  "links in documents": checkDocumentLinks,
  "READMEs": checkReadmes,
  "stand-ins": checkOfflineExports,
  "standard library": (tree) => checkStandardLibrary(tree, import.meta.resolve("../../")),
  "npm packages": checkNpmPackages,
  "guides": (tree) => runGuides(tree, ""),
  ...DENO_CHECKS,
};

async function run(): Promise<number> {
  const line = new StatusLine(screenOf(Deno.stderr));
  const tree = await readTree(".");
  const failures: string[] = [];
  const names = Object.keys(CHECKS);
  for (const [number, name] of names.entries()) {
    line.show([`${progressBar(number, names.length, 16)} ${number}/${names.length}`, name]);
    let problems: string[];
    try {
      problems = await CHECKS[name]!(tree);
    } catch (error) {
      problems = [String(error)];
    }
    line.clear();
    console.log(`${problems.length === 0 ? "ok    " : "FAILED"} ${name}`);
    if (problems.length > 0) failures.push(`== ${name}\n${problems.join("\n")}`);
  }
  console.log(`\n${reportPublicSymbols(tree)}`);
  if (failures.length > 0) console.error(`\n${failures.join("\n\n")}`);
  return failures.length === 0 ? 0 : 1;
}

const CHECK = singleCommand({
  command: "deno task check",
  summary: "Runs all checks but the tests, and prints a line for each. Exit status 1 if one fails.",
  run,
});

await runMain(CHECK, STANDARD_OUTPUT);
