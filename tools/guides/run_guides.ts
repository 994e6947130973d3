/**
 * Follows the guides and the READMEs word by word, in an empty folder, on Node and on Deno.
 *
 * @module
 */

import { outputOf } from "../lib/command.ts";
import { PORTABLE, type Tree } from "../lib/tree.ts";
import { buildPackages } from "../npm/build_packages.ts";
import { isAsShown, stepsOf } from "./extract.ts";

/** Whether a document's `js` blocks are followed. */
export function isGuide(path: string): boolean {
  return /^examples\/guides\/\w+\.md$/.test(path) ||
    PORTABLE.some((member) => path === `${member}/README.md`);
}

/** How a program is run in each runtime. */
const RUNTIMES: Readonly<Record<string, readonly string[]>> = {
  node: ["node"],
  deno: [Deno.execPath(), "run", "--allow-all", "--no-lock"],
};

/**
 * Follows all guides.
 *
 * @param wanted Part of the paths of the guides; all if empty.
 * @param onStep Called before each program is run.
 * @returns A line for each program that does not print what its guide says.
 */
export async function runGuides(
  tree: Tree,
  wanted: string,
  onStep: (what: string) => void = () => {},
): Promise<string[]> {
  const folder = await Deno.makeTempDir();
  try {
    onStep("building the npm packages");
    await buildPackages(tree, `${folder}/node_modules/@guestmem`);
    const dependencies = Object.fromEntries(PORTABLE.map((name) => [`@guestmem/${name}`, "*"]));
    await Deno.writeTextFile(
      `${folder}/package.json`,
      JSON.stringify({ type: "module", dependencies }),
    );
    const problems: string[] = [];
    const guides = [...tree].filter(([path]) => isGuide(path) && path.includes(wanted));
    for (const [path, text] of guides) {
      problems.push(...await follow(path, text, folder, onStep));
    }
    return problems;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function follow(
  path: string,
  text: string,
  folder: string,
  onStep: (what: string) => void,
): Promise<string[]> {
  const own = `${folder}/${path.replaceAll(/\W/g, "_")}`;
  await Deno.mkdir(own);
  const problems: string[] = [];
  for (const step of stepsOf(text)) {
    if (step.kind === "file") {
      await Deno.writeTextFile(`${own}/${step.name}`, step.text);
      continue;
    }
    for (const [runtime, [command, ...args]] of Object.entries(RUNTIMES)) {
      onStep(`${path}: ${runtime} ${step.file}`);
      const { success, stdout, stderr } = await outputOf(command!, [...args, step.file], own);
      if (success && (step.output === undefined || isAsShown(stdout, step.output))) continue;
      problems.push(`${path}: ${runtime} ${step.file} printed\n${stdout}${stderr}`);
    }
  }
  return problems;
}
