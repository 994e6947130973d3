/**
 * Checks that something runs every example in the documentation: `deno test --doc` runs what is fenced
 * as plain `ts`; any other code must be the text of a file in `examples`, whose own tests run it.
 *
 * @module
 */

import { isGuide } from "../guides/run_guides.ts";
import { isDocumented, type Tree } from "../lib/tree.ts";

const FENCE = /^[ *]*```(\S+)([^\n]*)\n([^]*?)^[ *]*```$/gm;
const CODE = /^(ts|js|mjs|typescript|javascript)$/;

/** A source for comparison: documentation may leave out directives for the compiler. */
const shown = (source: string): string => source.replace(/^\/\/\/ .*\n+/gm, "").trim();

/** A line for each example that nothing runs. */
export function checkExamplesRun(tree: Tree): string[] {
  const files = [...tree].filter(([path]) => path.startsWith("examples/"));
  const problems: string[] = [];
  for (const [path, text] of tree) {
    if (!isDocumented(path)) continue;
    for (const [, language, attributes, code] of text.matchAll(FENCE)) {
      if (language === "js" && isGuide(path) && /^\/\/ \S+\.mjs\n/.test(code!)) continue; // followed, on Node and on Deno
      if (!CODE.test(language!) || (language === "ts" && attributes === "")) continue;
      const [, name, rest] = /^\/\/ (\S+)\n([^]*)$/.exec(code!) ?? [];
      const isFile = name !== undefined &&
        files.some(([file, source]) => file.endsWith(`/${name}`) && shown(source) === shown(rest!));
      if (!isFile) problems.push(`${path}: nothing runs the example\n${code}`);
    }
  }
  return problems;
}
