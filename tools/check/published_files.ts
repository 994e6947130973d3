/**
 * Checks what would be published to JSR.
 *
 * @module
 */

import { isForKernels, isPublished, PORTABLE, topOf } from "../lib/tree.ts";

const DOCUMENTS = ["README.md", "REFERENCE.md", "CHANGELOG.md", "LICENSE"];

/**
 * A line for each file that `deno publish --dry-run` lists and should not, and for each that it lacks.
 *
 * @param output What the command printed.
 * @param root The repository's root, as a URL.
 */
export function checkPublishedFiles(output: string, root: string): string[] {
  const paths = [...output.matchAll(/^ +(file:\/\/\S+) \(/gm)]
    .map(([, url]) => decodeURI(url!).slice(decodeURI(root).length));
  const wanted = PORTABLE.flatMap((member) =>
    ["deno.json", "mod.ts", ...DOCUMENTS].map((name) => `${member}/${name}`)
  );
  return [
    ...wanted.filter((path) => !paths.includes(path)).map((path) => `${path} is not published`),
    ...paths.filter((path) =>
      !wanted.includes(path) &&
      !(PORTABLE.includes(topOf(path)) && (isPublished(path) || isForKernels(path)))
    ).map((path) => `${path} is published`),
  ];
}
