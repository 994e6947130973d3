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

const KEYWORDS = [
  "emulator",
  "virtual-machine",
  "qemu",
  "kvm",
  "rcu",
  "sharedarraybuffer",
  "workers",
];
const REPOSITORY = "https://github.com/guestmem/guestmem";

/** What package.json says besides what the build needs. */
function metadata(member: string) {
  return {
    description: DESCRIPTIONS[member]!,
    keywords: KEYWORDS,
    repository: { type: "git", url: `git+${REPOSITORY}.git`, directory: member },
    homepage: `${REPOSITORY}/tree/main/${member}#readme`,
    bugs: { url: `${REPOSITORY}/issues` },
    engines: { node: ">=20" },
    // No module does anything when it is loaded, so that bundlers drop what is not used.
    sideEffects: false,
  };
}

/** Changes a JSON file. */
async function editJson(
  path: string,
  edit: (json: Record<string, unknown>) => Record<string, unknown>,
): Promise<void> {
  const json = JSON.parse(await Deno.readTextFile(path));
  await Deno.writeTextFile(path, JSON.stringify(edit(json), undefined, 2) + "\n");
}

/**
 * Adds what the build has no option for: `default` conditions, with which `require` finds the modules,
 * and `sideEffects` in the package.json that bundlers find first.
 */
async function finishManifests(folder: string): Promise<void> {
  await editJson(`${folder}/package.json`, (json) => {
    const exports = Object.entries(json["exports"] as Record<string, { import: string }>)
      .map(([key, { import: target }]) => [key, { import: target, default: target }]);
    return { ...json, exports: Object.fromEntries(exports) };
  });
  await editJson(`${folder}/esm/package.json`, (json) => ({ ...json, sideEffects: false }));
}

/** Files that a package carries besides its code. */
const DOCUMENTS = ["README.md", "REFERENCE.md", "CHANGELOG.md", "LICENSE"];

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
    compilerOptions: {
      target: "ES2023",
      lib: ["ESNext", "DOM"],
      sourceMap: true,
      inlineSources: true,
    },
    package: {
      name: name!,
      version: version!,
      license: license!,
      ...metadata(member),
    },
    async postBuild() {
      await finishManifests(folder);
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
