/**
 * Packs the npm packages and checks what users would get.
 *
 * @module
 */

import { run } from "../lib/command.ts";
import { importsOf } from "../lib/import_graph.ts";
import { configOf } from "../lib/packages.ts";
import { readTarball } from "../lib/tar.ts";
import { checkMetadata } from "./tarball_metadata.ts";
import { isForKernels, isTestOnly, PORTABLE, topOf, type Tree } from "../lib/tree.ts";

/** A package as npm packed it. */
export interface Tarball {
  readonly member: string;
  /** Where the tarball lies. */
  readonly path: string;
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** Packs the packages that {@link ./build_packages.ts} built in folders of `outDir`. */
export function packAll(outDir: string): Promise<Tarball[]> {
  return Promise.all(PORTABLE.map(async (member) => {
    const args = ["pack", "--json", `--pack-destination=${outDir}`];
    const report = JSON.parse(await run("npm", args, `${outDir}/${member}`));
    // npm 12 reports an object by name, those before it an array.
    const [{ filename }] = Object.values(report) as [{ filename: string }];
    const path = `${outDir}/${filename}`;
    return { member, path, files: await readTarball(await Deno.readFile(path)) };
  }));
}

const REQUIRED = [
  "package.json",
  "README.md",
  "REFERENCE.md",
  "CHANGELOG.md",
  "LICENSE",
  "esm/mod.js",
  "esm/mod.d.ts",
];

interface PackageJson {
  readonly version: string;
  readonly exports: Readonly<Record<string, { readonly import: string }>>;
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** Whether a file belongs in a package at all: compiled code, declarations, documents, and source for kernels. */
function belongs(path: string): boolean {
  if (isForKernels(path)) return true;
  const source = path.replace(/\.(js|js\.map|d\.ts)$/, ".ts");
  return REQUIRED.includes(path) || path === "esm/package.json" ||
    (/^esm\/.*\.(js|js\.map|d\.ts)$/.test(path) && !isTestOnly(source));
}

/** The package of a specifier: its scope and name. */
const packageOf = (specifier: string): string =>
  specifier.split("/").slice(0, specifier.startsWith("@") ? 2 : 1).join("/");

/** A line for each thing that a tarball has and must not, or lacks and must have. */
export function checkTarball({ member, files }: Omit<Tarball, "path">, tree: Tree): string[] {
  const text = (path: string) => new TextDecoder().decode(files.get(path));
  const config = configOf(tree, member);
  const problems: string[] = [];
  const sources = [...tree.keys()].filter((path) => topOf(path) === member && isForKernels(path))
    .map((path) => path.slice(member.length + 1));
  for (const path of [...REQUIRED, ...sources]) {
    if (!files.has(path)) problems.push(`lacks ${path}`);
  }
  for (const path of files.keys()) if (!belongs(path)) problems.push(`has ${path}`);
  if (!files.has("package.json")) return problems.map((problem) => `${member}: ${problem}`);
  const { version, exports, dependencies = {} } = JSON.parse(text("package.json")) as PackageJson;
  if (version !== config.version) problems.push(`is ${version}, deno.json says ${config.version}`);
  for (const target of Object.values(exports).map((entry) => entry.import.slice(2))) {
    if (!files.has(target)) problems.push(`exports ${target}, which it lacks`);
    if (!files.has(target.replace(/\.js$/, ".d.ts"))) problems.push(`${target} has no types`);
  }
  problems.push(...checkMetadata(files));
  const imported = new Set<string>();
  const pinned = new Set<string>();
  for (const path of files.keys()) {
    if (!/\.(js|d\.ts)$/.test(path)) continue;
    for (const { specifier } of importsOf(text(path))) {
      if (specifier.startsWith(".")) continue;
      imported.add(packageOf(specifier));
      if (specifier.endsWith("/internal")) pinned.add(packageOf(specifier));
    }
  }
  for (const name of imported) {
    if (!(name in dependencies)) problems.push(`imports ${name} and does not depend on it`);
  }
  for (const [name, range] of Object.entries(dependencies)) {
    if (!imported.has(name)) problems.push(`depends on ${name} and does not import it`);
    const wanted = pinned.has(name) ? config.version : `^${config.version}`;
    if (range !== wanted) problems.push(`depends on ${name} ${range} and not ${wanted}`);
  }
  return problems.map((problem) => `${member}: ${problem}`);
}
