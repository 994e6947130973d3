/**
 * Compares each package's deno.json with its files and with the other packages.
 *
 * @module
 */

import { importsOf, internalsImportedBy } from "../lib/import_graph.ts";
import { configOf, type PackageConfig } from "../lib/packages.ts";
import { isPublished, MEMBERS, topOf, type Tree } from "../lib/tree.ts";

/** The doors of a package: every mod.ts, at whatever depth, is public. */
const doorsOf = (tree: Tree, member: string): string[] =>
  [...tree.keys()].filter((path) => topOf(path) === member && path.endsWith("/mod.ts"))
    .map((path) => `.${path.slice(member.length)}`);

function checkPackage(tree: Tree, member: string, config: PackageConfig): string[] {
  const { exports } = config;
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
    ...[...problems, ...pinProblems(tree, member, config)].map((problem) =>
      `${member}/deno.json: ${problem}`
    ),
    ...checkDocuments(tree, member, config, targets),
    ...checkReached(tree, member, targets),
  ];
}

/**
 * Internals change from one version to the next, so who imports a sibling's must get the very version
 * that it was published with. Without a pin, publishing would allow every later one ("^").
 */
function pinProblems(tree: Tree, member: string, { imports }: PackageConfig): string[] {
  const pins = internalsImportedBy(tree, member).map((sibling) => {
    const name = `@guestmem/${sibling}`;
    return [name, `jsr:${name}@${configOf(tree, sibling).version}`] as const;
  });
  const wanted = new Map(pins);
  return [
    ...pins.filter(([name, pin]) => imports[name] !== pin).map(([name, pin]) =>
      `"imports" must pin "${name}" to ${pin}, since ${name}/internal is imported`
    ),
    ...Object.keys(imports).filter((name) => !wanted.has(name)).map((name) =>
      `"imports" pins ${name}, of which no internals are imported`
    ),
  ];
}

/** Published modules that no export leads to; {@link checkPackage} reports doors. */
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
  { version }: PackageConfig,
  targets: readonly string[],
): string[] {
  const problems: string[] = [];
  for (const name of ["README.md", "LICENSE"]) {
    if (!tree.has(`${member}/${name}`)) problems.push(`${member}/${name}: is missing`);
  }
  if (!tree.get(`${member}/CHANGELOG.md`)?.includes(`\n## ${version}`)) {
    problems.push(`${member}/CHANGELOG.md: has no section for version ${version}`);
  }
  for (const path of targets.map((target) => member + target.slice(1))) {
    const source = tree.get(path);
    if (source !== undefined && !/^\/\*\*\n \* [^]*?^ \* @module$/m.test(source)) {
      problems.push(`${path}: has no module documentation`);
    }
  }
  return problems;
}

/** A line for each thing that a deno.json claims and that does not hold. */
export function checkPackageExports(tree: Tree): string[] {
  const problems: string[] = [];
  const versions = new Map<string, string>();
  const { workspace = [] } = JSON.parse(tree.get("deno.json") ?? "{}") as { workspace?: string[] };
  for (const member of MEMBERS) {
    const exists = tree.has(`${member}/deno.json`);
    if (workspace.includes(`./${member}`) !== exists) {
      problems.push(
        `deno.json: ${member} must be in "workspace" if it has a deno.json, and only then`,
      );
    }
    if (!exists) continue;
    const config = configOf(tree, member);
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
