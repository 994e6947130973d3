/**
 * Checks the links between documents and files, and the walks of the architecture page.
 *
 * @module
 */

import type { Tree } from "../lib/tree.ts";

const ARCHITECTURE = ".github/ARCHITECTURE.md";
/** A walk that needs more files than this has a hop too many. */
const MOST_FILES = 9;

const LINK = /\]\(([^)\s]+)\)/g;

/** The paths that a document links to, resolved from its folder, without anchors and other sites. */
function linksOf(path: string, text: string): string[] {
  return [...text.matchAll(LINK)].map(([, target]) => target!)
    .filter((target) => !/^([a-z]+:|#)/.test(target))
    .map((target) => decodeURI(new URL(target, `file:///${path}`).pathname).slice(1));
}

/** The heading as GitHub and JSR make an anchor of it. */
const anchorOf = (heading: string): string =>
  heading.trim().toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-");

/** Links to a heading of the same or another document, which must have it. */
function anchorProblems(tree: Tree, path: string, text: string): string[] {
  return [...text.matchAll(LINK)].flatMap(([, target]) => {
    if (/^[a-z]+:/.test(target!) || !target!.includes("#")) return [];
    const url = new URL(target!, `file:///${path}`);
    const source = tree.get(decodeURI(url.pathname).slice(1));
    if (source === undefined) return [];
    const headings = [...source.matchAll(/^#+ (.*)$/gm)].map(([, heading]) => anchorOf(heading!));
    return headings.includes(url.hash.slice(1)) ? [] : [`${path}: ${target} names no heading`];
  });
}

/** Each walk of the architecture page, a section with a numbered list, names few files. */
function walkProblems(text: string): string[] {
  return text.split(/^## /m).slice(1).flatMap((section) => {
    if (!/^1\. /m.test(section)) return [];
    const heading = section.slice(0, section.indexOf("\n"));
    const files = new Set(linksOf(ARCHITECTURE, section).filter((path) => path.endsWith(".ts")));
    if (files.size > 0 && files.size <= MOST_FILES) return [];
    return [`${ARCHITECTURE}: "${heading}" names ${files.size} files, not 1 to ${MOST_FILES}`];
  });
}

/** A line for each link of a document to a file or a heading that does not exist, and each long walk. */
export function checkDocumentLinks(tree: Tree): string[] {
  const paths = [...tree.keys()];
  const exists = (path: string): boolean =>
    tree.has(path) || paths.some((other) => other.startsWith(path.replace(/\/?$/, "/")));
  return [...tree].filter(([path]) => path.endsWith(".md")).flatMap(([path, text]) => [
    ...linksOf(path, text).filter((target) => !exists(target))
      .map((target) => `${path}: links to ${target}, which does not exist`),
    ...anchorProblems(tree, path, text),
    ...(path === ARCHITECTURE ? walkProblems(text) : []),
  ]);
}
