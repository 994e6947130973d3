/**
 * Follows the guides: `deno task guides --help`.
 *
 * @module
 */

import { singleCommand } from "../../examples/lib/command_line/program.ts";
import { runMain, STANDARD_OUTPUT } from "../../examples/lib/command_line/run_program.ts";
import { readTree } from "../lib/tree.ts";
import { runGuides } from "./run_guides.ts";

const GUIDES = singleCommand({
  command: "deno task guides",
  summary: "Follows the guides and the READMEs, in an empty folder, on Node and on Deno.",
  words: "[PATH]",
  details: "With PATH, only those whose path contains it.",
  run: async ({ words }, { out, err }) => {
    const problems = await runGuides(await readTree("."), words[0] ?? "", err);
    problems.forEach(out);
    return problems.length === 0 ? 0 : 1;
  },
  notes: "Exit status: 1 if a program does not print what its guide says.",
});

await runMain(GUIDES, STANDARD_OUTPUT);
