/**
 * Stands in for `@deno/dnt` where the JSR registry cannot be reached: `deno pack` makes the
 * JavaScript and the declarations, and this module gives them the folders and the package.json that
 * dnt gives them, dependencies on mapped packages above all.
 *
 * Covered: `emptyDir`, and `build` with the options that {@link BuildOptions} has, which is narrower
 * than dnt's: an ES module of a package with a deno.json, whose entry points are what that exports,
 * without a test run, type check, `npm install`, script module or source output. As with dnt, a
 * mapped module is a dependency if it is imported, and an error if it is not; only modules that the
 * entry points reach are written; paths are relative to the working folder.
 *
 * Different: nothing is compiled down to `target` nor polyfilled, so the code must be at that level
 * as it stands; internal modules that no declaration refers to have none; a failure is an `Error`,
 * where dnt rejects with a string. Not covered, and an error: a mapping to a name that differs from
 * the specifier in the source, an import that leaves the package and is not mapped.
 *
 * @module
 */

import { basename, dirname, relative, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { run } from "../lib/command.ts";
import { readTarball } from "../lib/tar.ts";

/** A module that others can import. */
export interface EntryPoint {
  /** Its name in package.json's "exports". */
  name: string;
  /** Where its source lies. */
  path: string;
}

/** The package that a module stands for. */
export interface PackageMappedSpecifier {
  name: string;
  version?: string;
  subPath?: string;
}

/** What goes into package.json as it is. */
export interface PackageJson {
  name: string;
  version: string;
  description?: string;
  keywords?: string[];
  license?: string;
  engines?: { [engineName: string]: string };
  // deno-lint-ignore no-explicit-any -- dnt's type
  [propertyName: string]: any;
}

/** The covered options; the literal types are the only values that the adapter does. */
export interface BuildOptions {
  entryPoints: EntryPoint[];
  outDir: string;
  shims: Record<string, never>;
  typeCheck: false;
  test: false;
  scriptModule: false;
  skipNpmInstall: true;
  skipSourceOutput: true;
  mappings?: { [path: string]: PackageMappedSpecifier };
  package: PackageJson;
  importMap?: string;
  compilerOptions?: {
    target?: "ES2023";
    lib?: ("ESNext" | "DOM")[];
    sourceMap?: true;
    inlineSources?: true;
  };
  postBuild?: () => void | Promise<void>;
}

interface GraphModule {
  specifier: string;
  dependencies?: { specifier: string; code?: Resolved; type?: Resolved }[];
}

interface Resolved {
  specifier?: string;
  error?: string;
}

const urlOf = (path: string): string => pathToFileURL(resolve(path)).href;

/** Empties a folder, or makes it. */
export async function emptyDir(dir: string | URL): Promise<void> {
  try {
    for await (const { name } of Deno.readDir(dir)) {
      const folder = dir instanceof URL ? fileURLToPath(dir) : dir;
      await Deno.remove(`${folder}/${name}`, { recursive: true });
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    await Deno.mkdir(dir, { recursive: true });
  }
}

/** Runs a Deno subcommand and returns what it wrote to stdout. */
const deno = (args: string[], cwd?: string): Promise<string> => run(Deno.execPath(), args, cwd);

/** Every module that the entry points reach, by its URL. */
async function moduleGraph(options: BuildOptions): Promise<Map<string, GraphModule>> {
  const map = options.importMap === undefined ? [] : [`--import-map=${options.importMap}`];
  const found = new Map<string, GraphModule>();
  for (const { path } of options.entryPoints) {
    const json = JSON.parse(await deno(["info", "--json", ...map, path]));
    for (const module of json.modules as GraphModule[]) found.set(module.specifier, module);
  }
  return found;
}

interface Own {
  /** The package's own modules. */
  readonly modules: ReadonlySet<string>;
  /** The mapped packages that they import. */
  readonly dependencies: ReadonlyMap<string, string | undefined>;
}

/** Walks from the entry points and stops at what is mapped. */
function walk(
  graph: ReadonlyMap<string, GraphModule>,
  entries: readonly string[],
  mappings: ReadonlyMap<string, PackageMappedSpecifier>,
  folder: string,
): Own {
  const modules = new Set(entries);
  const dependencies = new Map<string, string | undefined>();
  const used = new Set<string>();
  for (const module of modules) {
    for (const { specifier, code, type } of graph.get(module)?.dependencies ?? []) {
      const resolved = code ?? type;
      if (resolved?.specifier === undefined) {
        throw new Error(`Cannot resolve "${specifier}" in ${module}: ${resolved?.error}`);
      }
      const mapped = mappings.get(resolved.specifier);
      if (mapped === undefined) {
        if (!resolved.specifier.startsWith(urlOf(folder) + "/")) {
          throw new Error(`Not covered: ${module} imports "${specifier}", which is not mapped`);
        }
        modules.add(resolved.specifier);
        continue;
      }
      const name = mapped.subPath ? `${mapped.name}/${mapped.subPath}` : mapped.name;
      if (name !== specifier) throw new Error(`Not covered: "${specifier}" mapped to ${name}`);
      used.add(resolved.specifier);
      dependencies.set(mapped.name, mapped.version);
    }
  }
  const unused = [...mappings.keys()].filter((url) => !used.has(url));
  if (unused.length > 0) {
    throw new Error(
      "The following specifiers were indicated to be mapped to a package, but were not found:" +
        unused.map((url) => `\n  * ${url}`).join(""),
    );
  }
  return { modules, dependencies };
}

/** The folder of the package's deno.json, which must export just the entry points. */
async function packageFolder(entryPoints: readonly EntryPoint[]): Promise<string> {
  const folder = dirname(resolve(entryPoints[0]!.path));
  const { exports } = JSON.parse(await Deno.readTextFile(`${folder}/deno.json`));
  const own = Object.entries(exports as Record<string, string>)
    .map(([name, target]) => `${name} ${resolve(folder, target)}`);
  const wanted = entryPoints.map(({ name, path }) => `${name} ${resolve(path)}`);
  if (own.sort().join() !== wanted.sort().join()) {
    throw new Error(`Not covered: entry points that are not the exports of ${folder}/deno.json`);
  }
  return folder;
}

/** The JavaScript and the declarations of a package, by path. */
async function compile(folder: string): Promise<Map<string, Uint8Array>> {
  const temporary = await Deno.makeTempDir();
  try {
    const tarball = `${temporary}/package.tgz`;
    await deno(["pack", "--allow-dirty", `--output=${tarball}`], folder);
    return await readTarball(await Deno.readFile(tarball));
  } finally {
    await Deno.remove(temporary, { recursive: true });
  }
}

const jsPath = (path: string): string => path.replace(/\.ts$/, ".js");

const nameOfMap = (path: string): string => `//# sourceMappingURL=${basename(jsPath(path))}.map\n`;

/** Takes the source map out of a module. It names the source that lay beside the module, and holds it. */
function splitSourceMap(js: Uint8Array, path: string): { code: string; map: string } {
  const [code, base64] = new TextDecoder().decode(js)
    .split(/^\/\/# sourceMappingURL=data:application\/json;base64,/m);
  const bytes = Uint8Array.fromBase64(base64!.trim());
  const map = JSON.parse(new TextDecoder().decode(bytes));
  return {
    code: code!,
    map: JSON.stringify({ ...map, sources: map.sources.map(() => basename(path)) }),
  };
}

/** The package.json, its keys in dnt's order. */
function packageJson(options: BuildOptions, folder: string, own: Own): string {
  const exports = options.entryPoints.map(({ name, path }) =>
    [name, `./esm/${jsPath(relative(folder, resolve(path)))}`] as const
  );
  const { name, version, description, keywords, license, ...rest } = options.package;
  const dependencies = [...own.dependencies].filter(([, range]) => range !== undefined).sort();
  const object = {
    name,
    version,
    description,
    keywords,
    license,
    module: exports[0]![1],
    exports: Object.fromEntries(exports.map(([key, target]) => [key, { import: target }])),
    ...rest,
    ...(dependencies.length > 0 && { dependencies: Object.fromEntries(dependencies) }),
  };
  return JSON.stringify(object, undefined, 2);
}

/** Builds an npm package in `outDir`. */
export async function build(options: BuildOptions): Promise<void> {
  const folder = await packageFolder(options.entryPoints);
  const mappings = new Map(
    Object.entries(options.mappings ?? {}).map(([path, to]) => [urlOf(path), to]),
  );
  const entries = options.entryPoints.map(({ path }) => urlOf(path));
  const own = walk(await moduleGraph(options), entries, mappings, folder);
  const compiled = await compile(folder);
  const write = async (path: string, content: Uint8Array | string): Promise<void> => {
    const target = resolve(options.outDir, path);
    await Deno.mkdir(dirname(target), { recursive: true });
    await Deno.writeFile(
      target,
      typeof content === "string" ? new TextEncoder().encode(content) : content,
    );
  };
  for (const module of own.modules) {
    const path = relative(folder, fileURLToPath(module));
    const js = compiled.get(jsPath(path));
    if (js === undefined) throw new Error(`deno pack left out ${path}`);
    const { code, map } = splitSourceMap(js, path);
    await write(
      `esm/${jsPath(path)}`,
      options.compilerOptions?.sourceMap ? code + nameOfMap(path) : code,
    );
    if (options.compilerOptions?.sourceMap) await write(`esm/${jsPath(path)}.map`, map);
    const declarations = compiled.get(path.replace(/\.ts$/, ".d.ts"));
    if (declarations !== undefined) {
      await write(`esm/${path.replace(/\.ts$/, ".d.ts")}`, declarations);
    }
  }
  await write("esm/package.json", `{\n  "type": "module"\n}\n`);
  await write("package.json", packageJson(options, folder, own));
  await write(".npmignore", "/src/\n/test_runner.js\nyarn.lock\npnpm-lock.yaml\n");
  await options.postBuild?.();
}
