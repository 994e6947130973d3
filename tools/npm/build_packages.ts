/**
 * Builds the npm packages.
 *
 * @module
 */

import { build, emptyDir } from "@deno/dnt";
import { importedBy, internalsImportedBy } from "../lib/import_graph.ts";
import { allEntries, configOf, entriesOf } from "../lib/packages.ts";
import { isForKernels, PORTABLE, topOf, type Tree } from "../lib/tree.ts";

/** The descriptions in package.json. */
const DESCRIPTIONS: Readonly<Record<string, string>> = {
  rcu: "Read-copy-update over shared memory, for programs whose workers share a WebAssembly.Memory",
  physmap: "The radix page map of a guest's address space, in shared memory",
  flatview: "Memory regions, flat views and address spaces of a guest, read by workers under RCU",
  ramblock: "Guest RAM in shared memory: RAM blocks, dirty bitmaps and memslots under RCU",
  iommu: "IOMMUs whose translations workers read under RCU while they change",
};

/** Files that a package carries besides its code. */
const DOCUMENTS = ["README.md", "CHANGELOG.md", "LICENSE"];

/** The entries of siblings that a package imports, as packages of npm, by path. */
function dependenciesOf(tree: Tree, member: string) {
  const imported = importedBy(tree, member);
  const pinned = internalsImportedBy(tree, member);
  const siblings = allEntries(tree).filter(({ specifier }) => imported.has(specifier));
  return siblings.map((entry) => {
    const { version } = configOf(tree, entry.member);
    const subPath = entry.key.slice(2);
    return [`./${entry.path}`, {
      name: `@guestmem/${entry.member}`,
      version: pinned.includes(entry.member) ? version! : `^${version}`,
      ...(subPath !== "" && { subPath }),
    }] as const;
  });
}

async function buildPackage(
  tree: Tree,
  member: string,
  folder: string,
  importMap: string,
): Promise<void> {
  const { name, version, license } = configOf(tree, member);
  await emptyDir(folder);
  await build({
    entryPoints: entriesOf(tree, member).map(({ key, path }) => ({
      name: key,
      path: `./${path}`,
    })),
    outDir: folder,
    importMap,
    mappings: Object.fromEntries(dependenciesOf(tree, member)),
    // The packages use no API of a platform; types are checked where the tarballs are installed.
    shims: {},
    typeCheck: false,
    test: false,
    scriptModule: false,
    skipNpmInstall: true,
    skipSourceOutput: true,
    compilerOptions: { target: "ES2023", lib: ["ESNext", "DOM"] },
    package: {
      name: name!,
      version: version!,
      description: DESCRIPTIONS[member]!,
      license: license!,
      engines: { node: ">=20" },
    },
    async postBuild() {
      const sources = [...tree.keys()].filter((path) =>
        topOf(path) === member && isForKernels(path)
      )
        .map((path) => path.slice(member.length + 1));
      for (const file of [...DOCUMENTS, ...sources]) {
        await Deno.mkdir(`${folder}/${file.slice(0, file.lastIndexOf("/") + 1)}`, {
          recursive: true,
        });
        await Deno.copyFile(`${member}/${file}`, `${folder}/${file}`);
      }
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
    const imports = allEntries(tree).map(({ specifier, path }) => [
      specifier,
      new URL(path, `file://${Deno.cwd()}/`).href,
    ]);
    await Deno.writeTextFile(importMap, JSON.stringify({ imports: Object.fromEntries(imports) }));
    for (const member of PORTABLE) {
      await buildPackage(tree, member, `${outDir}/${member}`, importMap);
    }
  } finally {
    await Deno.remove(importMap);
  }
}
