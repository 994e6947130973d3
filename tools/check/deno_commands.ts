/**
 * The checks that Deno's own subcommands do.
 *
 * @module
 */

import { isGuide } from "../guides/run_guides.ts";
import { outputOf } from "../lib/command.ts";
import { allEntries } from "../lib/packages.ts";
import { isDocumented, type Tree } from "../lib/tree.ts";
import { checkPublishedFiles } from "./published_files.ts";

const IMPORT_MAP = "--import-map=tools/offline/imports.json";

/** Runs a subcommand. */
async function run(args: readonly string[]): Promise<{ success: boolean; output: string }> {
  const { success, stdout, stderr } = await outputOf(Deno.execPath(), args);
  return { success, output: stdout + stderr };
}

/** Runs a subcommand; its output if it failed, else nothing. */
async function problemsOf(args: readonly string[]): Promise<string[]> {
  const { success, output } = await run(args);
  if (success) return [];
  return [`deno ${args.slice(0, 3).join(" ")} ...\n${output.replaceAll(PROGRESS, "")}`];
}

/** Progress lines of a Deno command. */
const PROGRESS = /^(Check|Download) .*\n/gm;

/** Tests that `deno task test` ignores: they run programs, or their workers print errors. */
const RUNNING_TESTS = [
  "examples/guestmem/process_test.ts",
  "tools/check/standard_library_test.ts",
  "tools/offline/dnt_test.ts",
  "tools/testing/uncaught_test.ts",
];

/** The checks by name. */
export const DENO_CHECKS: Record<string, (tree: Tree) => Promise<string[]>> = {
  "format": () => problemsOf(["fmt", "--check"]),
  "lint": () => problemsOf(["lint"]),
  "types": () => problemsOf(["check", IMPORT_MAP, "."]),
  // In one call: a type of another package counts as public only if that is linted as well.
  "documentation": (tree) =>
    problemsOf([
      "doc",
      "--lint",
      IMPORT_MAP,
      ...allEntries(tree).map(({ path }) => path),
    ]),
  "examples in documentation": (tree) =>
    problemsOf([
      "test",
      "--doc",
      "--allow-read",
      IMPORT_MAP,
      // Guides are followed in a folder of their own, and their code needs its other files.
      ...[...tree.keys()].filter((path) => isDocumented(path) && !isGuide(path)),
    ]),
  "publishing": async () => {
    const { success, output } = await run(["publish", "--dry-run", "--allow-dirty", IMPORT_MAP]);
    return success ? checkPublishedFiles(output, import.meta.resolve("../../")) : [output];
  },
  "tests that run programs": () => problemsOf(["test", "-A", IMPORT_MAP, ...RUNNING_TESTS]),
  "kernels": () => problemsOf(["task", "kernel", "--check"]),
};
