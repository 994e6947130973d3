/**
 * Builds the npm packages of the five modules.
 *
 * @module
 */

import { build, emptyDir } from "@deno/dnt";
import { importsOf } from "../lib/import_graph.ts";
import { isPublished, PORTABLE, topOf, type Tree } from "../lib/tree.ts";

interface Config {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly exports: Readonly<Record<string, string>>;
}

/** What a package is, in a line. */
const DESCRIPTIONS: Readonly<Record<string, string>> = {
  rcu: "Read-copy-update over shared memory, for programs whose workers share a WebAssembly.Memory",
  physmap: "The radix page map of a guest's address space, in shared memory",
  flatview: "Memory regions, flat views and address spaces of a guest, read by workers under RCU",
  ramblock: "Guest RAM in shared memory: RAM blocks, dirty bitmaps and memslots under RCU",
  iommu: "IOMMUs whose translations workers read under RCU while they change",
};

/** Files that a package carries besides its code. */
const DOCUMENTS = ["README.md", "CHANGELOG.md", "LICENSE"];

const configOf = (tree: Tree, member: string): Config =>
  JSON.parse(tree.get(`${member}/deno.json`)!);

/** A module that packages import by name: its specifier in source, its path, its npm package. */
interface Door {
  readonly specifier: string;
  readonly path: string;
  readonly package: { name: string; version: string; subPath?: string };
}

/** All modules of the five packages that others can import. */
function doorsOf(tree: Tree): Door[] {
  return PORTABLE.flatMap((member) => {
    const { name, version, exports } = configOf(tree, member);
    return Object.entries(exports).map(([key, target]) => {
      const subPath = key.slice(2);
      return {
        specifier: subPath === "" ? name : `${name}/${subPath}`,
        path: `./${member}${target.slice(1)}`,
        package: { name, version: `^${version}`, ...(subPath !== "" && { subPath }) },
      };
    });
  });
}

/** The names that a package's published modules import. */
function importedBy(tree: Tree, member: string): Set<string> {
  const sources = [...tree].filter(([path]) => topOf(path) === member && isPublished(path));
  return new Set(
    sources.flatMap(([, source]) => importsOf(source).map(({ specifier }) => specifier)),
  );
}

async function buildPackage(
  tree: Tree,
  member: string,
  folder: string,
  importMap: string,
): Promise<void> {
  const { name, version, license, exports } = configOf(tree, member);
  const imported = importedBy(tree, member);
  const siblings = doorsOf(tree).filter(({ specifier }) => imported.has(specifier));
  await emptyDir(folder);
  await build({
    entryPoints: Object.entries(exports).map(([key, target]) => ({
      name: key,
      path: `./${member}${target.slice(1)}`,
    })),
    outDir: folder,
    importMap,
    mappings: Object.fromEntries(siblings.map((door) => [door.path, door.package])),
    // The packages use no API of a platform; types are checked where the tarballs are installed.
    shims: {},
    typeCheck: false,
    test: false,
    scriptModule: false,
    skipNpmInstall: true,
    skipSourceOutput: true,
    compilerOptions: { target: "ES2023", lib: ["ESNext", "DOM"] },
    package: {
      name,
      version,
      description: DESCRIPTIONS[member]!,
      license,
      engines: { node: ">=20" },
    },
    async postBuild() {
      for (const file of DOCUMENTS) await Deno.copyFile(`${member}/${file}`, `${folder}/${file}`);
    },
  });
}

/**
 * Builds all packages, each in a folder of `outDir` with the package's name. Must run in the
 * repository's root.
 */
export async function buildPackages(tree: Tree, outDir: string): Promise<void> {
  const importMap = await Deno.makeTempFile({ suffix: ".json" });
  try {
    const root = `file://${Deno.cwd()}/`;
    const imports = doorsOf(tree).map((
      { specifier, path },
    ) => [specifier, new URL(path, root).href]);
    await Deno.writeTextFile(importMap, JSON.stringify({ imports: Object.fromEntries(imports) }));
    for (const member of PORTABLE) {
      await buildPackage(tree, member, `${outDir}/${member}`, importMap);
    }
  } finally {
    await Deno.remove(importMap);
  }
}
