/**
 * Holds each package's deno.json against its files and against the other packages.
 *
 * @module
 */

import { importsOf } from "../lib/import_graph.ts";
import { isPublished, MEMBERS, topOf, type Tree } from "../lib/tree.ts";

interface Config {
  name?: string;
  version?: string;
  license?: string;
  exports?: Record<string, string>;
  workspace?: string[];
}

/** The doors of a package: every mod.ts, at whatever depth, is public. */
const doorsOf = (tree: Tree, member: string): string[] =>
  [...tree.keys()].filter((path) => topOf(path) === member && path.endsWith("/mod.ts"))
    .map((path) => `.${path.slice(member.length)}`);

function checkPackage(tree: Tree, member: string, config: Config): string[] {
  const exports = config.exports ?? {};
  const targets = Object.values(exports);
  const problems: string[] = [];
  if (config.name !== `@guestmem/${member}`) problems.push(`name is ${config.name}`);
  if (config.license !== "MIT") problems.push(`license is ${config.license}`);
  if (exports["."] !== "./mod.ts") problems.push(`"." exports ${exports["."]} and not ./mod.ts`);
  for (const target of targets) {
    const path = member + target.slice(1);
    if (!tree.has(path)) problems.push(`exports ${target}, which does not exist`);
    else if (!isPublished(path) || /\/_[^/]*$/.test(path)) {
      problems.push(`exports ${target}, which is internal`);
    }
  }
  for (const door of doorsOf(tree, member)) {
    if (!targets.includes(door)) problems.push(`${door} is public and not exported`);
  }
  return [
    ...problems.map((problem) => `${member}/deno.json: ${problem}`),
    ...checkDocuments(tree, member, config, targets),
    ...checkReached(tree, member, targets),
  ];
}

/** Published modules that no export leads to; of doors, {@link checkPackage} tells. */
function checkReached(tree: Tree, member: string, targets: readonly string[]): string[] {
  const reached = new Set(targets.map((target) => member + target.slice(1)));
  for (const path of reached) {
    for (const { specifier } of importsOf(tree.get(path) ?? "")) {
      if (specifier.startsWith(".")) {
        reached.add(new URL(specifier, `file:///${path}`).pathname.slice(1));
      }
    }
  }
  return [...tree.keys()].filter((path) =>
    topOf(path) === member && isPublished(path) && !path.endsWith("/mod.ts") && !reached.has(path)
  ).map((path) => `${path}: is published, but no export leads to it`);
}

/** What a package's page on a registry shows, and what it must carry. */
function checkDocuments(
  tree: Tree,
  member: string,
  { version }: Config,
  targets: readonly string[],
): string[] {
  const problems: string[] = [];
  for (const name of ["README.md", "LICENSE"]) {
    if (!tree.has(`${member}/${name}`)) problems.push(`${member}/${name}: is missing`);
  }
  if (!tree.get(`${member}/CHANGELOG.md`)?.includes(`\n## ${version}`)) {
    problems.push(`${member}/CHANGELOG.md: does not tell of version ${version}`);
  }
  for (const path of targets.map((target) => member + target.slice(1))) {
    const source = tree.get(path);
    if (source !== undefined && !/^\/\*\*\n \* [^]*?^ \* @module$/m.test(source)) {
      problems.push(`${path}: has no module documentation`);
    }
  }
  return problems;
}

/** A line for each package.json-like promise that does not hold. */
export function checkPackageExports(tree: Tree): string[] {
  const problems: string[] = [];
  const versions = new Map<string, string>();
  const workspace = (JSON.parse(tree.get("deno.json") ?? "{}") as Config).workspace ?? [];
  for (const member of MEMBERS) {
    const text = tree.get(`${member}/deno.json`);
    const listed = workspace.includes(`./${member}`);
    if (listed !== (text !== undefined)) {
      problems.push(
        `deno.json: ${member} must be in "workspace" if it has a deno.json, and only then`,
      );
    }
    if (text === undefined) continue;
    const config = JSON.parse(text) as Config;
    if (config.version !== undefined) versions.set(member, config.version);
    // The examples are run from the repository and not published.
    if (member !== "examples") problems.push(...checkPackage(tree, member, config));
  }
  if (new Set(versions.values()).size > 1) {
    const list = [...versions].map(([member, version]) => `${member} ${version}`).join(", ");
    problems.push(`the versions differ: ${list}`);
  }
  return problems;
}
