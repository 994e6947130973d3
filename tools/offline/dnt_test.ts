import { assertEquals, assertRejects } from "@std/assert";
import { build, type BuildOptions, emptyDir } from "@deno/dnt";
import { mayRun } from "../check/permissions.ts";

const FILES: Record<string, string> = {
  "deno.json": `{ "workspace": ["./one", "./two"] }`,
  "one/deno.json":
    `{ "name": "@x/one", "version": "1.0.0", "exports": { ".": "./mod.ts", "./sub": "./sub.ts" } }`,
  "one/mod.ts": "export interface One { one: number }",
  "one/sub.ts": "export const sub: number = 1;",
  "two/deno.json": `{ "name": "@x/two", "version": "1.0.0", "exports": "./mod.ts" }`,
  "two/mod.ts": `import type { One } from "@x/one";
    import { sub } from "@x/one/sub";
    import { two } from "./inner/two.ts";
    /** A doc. */
    export const x: One = { one: sub + two };`,
  "two/inner/two.ts": "export const two: number = 2;",
  "two/unreached.ts": "export const unreached: number = 3;",
  "two/mod_test.ts": "throw new Error();",
};

/** Runs `body` with a workspace of two packages, of which the second imports the first. */
async function inWorkspace(
  body: (folder: string, options: BuildOptions) => Promise<void>,
): Promise<void> {
  const folder = await Deno.realPath(await Deno.makeTempDir());
  try {
    for (const [path, text] of Object.entries(FILES)) {
      await Deno.mkdir(`${folder}/${path.slice(0, path.lastIndexOf("/"))}`, { recursive: true });
      const exports = text.replace(`"exports": "./mod.ts"`, `"exports": { ".": "./mod.ts" }`);
      await Deno.writeTextFile(`${folder}/${path}`, exports);
    }
    const imports = { "@x/one": `file://${folder}/one/mod.ts`, "@x/one/sub": "./one/sub.ts" };
    await Deno.writeTextFile(`${folder}/imports.json`, JSON.stringify({ imports }));
    await body(folder, {
      entryPoints: [{ name: ".", path: `${folder}/two/mod.ts` }],
      outDir: `${folder}/out`,
      importMap: `${folder}/imports.json`,
      mappings: {
        [`${folder}/one/mod.ts`]: { name: "@x/one", version: "^1.0.0" },
        [`${folder}/one/sub.ts`]: { name: "@x/one", version: "^1.0.0", subPath: "sub" },
      },
      shims: {},
      typeCheck: false,
      test: false,
      scriptModule: false,
      skipNpmInstall: true,
      skipSourceOutput: true,
      package: { name: "@x/two", version: "1.0.0", private: true, license: "MIT" },
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Every file below a folder. */
function filesOf(folder: string, under = ""): string[] {
  return [...Deno.readDirSync(`${folder}/${under}`)].flatMap(({ name, isDirectory }) =>
    isDirectory ? filesOf(folder, `${under}${name}/`) : [under + name]
  ).sort();
}

const ignore = !await mayRun();
const test = (name: string, fn: () => Promise<void>) => Deno.test({ name, ignore, fn });

test("build writes what the entry points reach, and package.json as dnt does", () =>
  inWorkspace(async (folder, options) => {
    let built = false;
    await build({
      ...options,
      postBuild: () => {
        built = filesOf(options.outDir).includes("esm/mod.js");
      },
    });
    assertEquals(built, true);
    assertEquals(filesOf(options.outDir), [
      ".npmignore",
      "esm/inner/two.js",
      "esm/mod.d.ts",
      "esm/mod.js",
      "esm/package.json",
      "package.json",
    ]);
    assertEquals(
      await Deno.readTextFile(`${folder}/out/package.json`),
      `{
  "name": "@x/two",
  "version": "1.0.0",
  "license": "MIT",
  "module": "./esm/mod.js",
  "exports": {
    ".": {
      "import": "./esm/mod.js"
    }
  },
  "private": true,
  "dependencies": {
    "@x/one": "^1.0.0"
  }
}`,
    );
    const code = await Deno.readTextFile(`${folder}/out/esm/mod.js`);
    assertEquals([...code.matchAll(/from "(.*)"/g)].map(([, name]) => name), [
      "@x/one/sub",
      "./inner/two.js",
    ]);
  }));

test("a package without mappings has no dependencies", () =>
  inWorkspace(async (folder, { mappings: _, ...options }) => {
    await build({
      ...options,
      entryPoints: [
        { name: ".", path: `${folder}/one/mod.ts` },
        { name: "./sub", path: `${folder}/one/sub.ts` },
      ],
    });
    const { exports, dependencies } = JSON.parse(
      await Deno.readTextFile(`${folder}/out/package.json`),
    );
    assertEquals(exports, {
      ".": { import: "./esm/mod.js" },
      "./sub": { import: "./esm/sub.js" },
    });
    assertEquals(dependencies, undefined);
  }));

test("a mapping of what is not imported is an error, as with dnt", () =>
  inWorkspace(async (folder, options) => {
    const unused = { [`${folder}/two/unreached.ts`]: { name: "unreached" } };
    await assertRejects(
      () => build({ ...options, mappings: { ...options.mappings, ...unused } }),
      Error,
      "The following specifiers were indicated to be mapped to a package, but were not found:\n" +
        `  * file://${folder}/two/unreached.ts`,
    );
  }));

test("what is not covered is an error", () =>
  inWorkspace(async (folder, options) => {
    await assertRejects(() => build({ ...options, mappings: {} }), Error, "which is not mapped");
    const other = { [`${folder}/one/mod.ts`]: { name: "other" } };
    await assertRejects(
      () => build({ ...options, mappings: { ...options.mappings, ...other } }),
      Error,
      `"@x/one" mapped to other`,
    );
    await assertRejects(
      () => build({ ...options, entryPoints: [{ name: ".", path: `${folder}/two/unreached.ts` }] }),
      Error,
      "entry points that are not the exports",
    );
  }));

test("a type error in the sources is an error", () =>
  inWorkspace(async (folder, options) => {
    await Deno.writeTextFile(`${folder}/two/inner/two.ts`, `export const two: number = "2";`);
    await assertRejects(() => build(options), Error, "TS2322");
  }));

test("emptyDir makes a folder, or empties it", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await emptyDir(`${folder}/a/b`);
    await Deno.writeTextFile(`${folder}/a/b/c`, "");
    await emptyDir(`${folder}/a`);
    assertEquals(filesOf(folder), []);
    assertEquals([...Deno.readDirSync(`${folder}/a`)], []);
    await Deno.writeTextFile(`${folder}/file`, "");
    await assertRejects(() => emptyDir(`${folder}/file`), Error);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
