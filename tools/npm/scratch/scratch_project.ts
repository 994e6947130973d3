/**
 * A project as a user would make one: the tarballs, a program with a worker, a page with a worker.
 *
 * @module
 */

import { outputOf, run } from "../../lib/command.ts";
import type { Tarball } from "../tarballs.ts";

/** What the project installs besides the packages. */
const DEV_DEPENDENCIES = {
  "@types/node": "^20.0.0",
  "esbuild": "^0.25.0",
  "typescript": "~5.9.0",
  "vite": "^7.0.0",
};

/** The program: the first example of rcu's README. */
const PROGRAM = ["main", "worker"];
const COPIED = ["page.js", "worker.js", "page.html", "types.ts"];

const REQUIRE = `const { Arena } = require("@guestmem/rcu");
if (typeof Arena.create !== "function") throw new Error("require() gave no Arena");
`;

/** Type-checked with each kind of resolution. */
const RESOLUTIONS = {
  node16: { module: "Node16", moduleResolution: "Node16" },
  bundler: { module: "ESNext", moduleResolution: "Bundler" },
};

/** Writes the project into an empty folder, and installs it. */
export async function writeProject(folder: string, tarballs: readonly Tarball[]): Promise<void> {
  const dependencies = tarballs.map(({ member, path }) => [`@guestmem/${member}`, `file:${path}`]);
  const manifest = {
    ...{ name: "scratch", private: true, type: "module" },
    dependencies: Object.fromEntries(dependencies),
    devDependencies: DEV_DEPENDENCIES,
  };
  await Deno.writeTextFile(`${folder}/package.json`, JSON.stringify(manifest));
  for (const name of PROGRAM) {
    const text = await Deno.readTextFile(`examples/learn/shared_value/${name}.ts`);
    const shown = text.replaceAll("parentPort!", "parentPort").replaceAll(".ts", ".mjs");
    await Deno.writeTextFile(`${folder}/${name}.mjs`, shown);
  }
  for (const name of COPIED) {
    await Deno.copyFile(`tools/npm/scratch/${name}`, `${folder}/${name}`);
  }
  await Deno.writeTextFile(`${folder}/require.cjs`, REQUIRE);
  for (const [name, resolution] of Object.entries(RESOLUTIONS)) {
    const config = {
      compilerOptions: {
        ...{ strict: true, noEmit: true, skipLibCheck: false, target: "ES2022" },
        ...{ lib: ["ES2023", "DOM"], types: ["node"] },
        ...resolution,
      },
      files: ["types.ts"],
    };
    await Deno.writeTextFile(`${folder}/tsconfig.${name}.json`, JSON.stringify(config));
  }
  await run("npm", ["install", "--no-audit", "--no-fund"], folder);
}

/** Something that is tried in the project. */
export interface Trial {
  readonly name: string;
  /** Tries it. @returns What is wrong, or undefined. */
  attempt(folder: string): Promise<string | undefined>;
}

/** A command that must succeed, and print something. */
function command(name: string, command: string, args: readonly string[], printed = ""): Trial {
  const attempt = async (folder: string) => {
    const { success, stdout, stderr } = await outputOf(command, args, folder);
    if (success && stdout.includes(printed)) return undefined;
    return `${stdout}${stderr}`.trim();
  };
  return { name, attempt };
}

const NODES = ["20", "22", "24"];

/** The runtimes, and the two resolutions of types. */
export const TRIALS: readonly Trial[] = [
  ...NODES.flatMap((version) => {
    const node = ["-y", `node@${version}`];
    return [
      command(`Node ${version}`, "npx", [...node, "main.mjs"], "requests: 20"),
      command(`Node ${version}, require`, "npx", [...node, "require.cjs"]),
    ];
  }),
  command("Bun", "npx", ["-y", "bun", "main.mjs"], "requests: 20"),
  command("Bun, require", "npx", ["-y", "bun", "require.cjs"]),
  command("Deno", Deno.execPath(), ["run", "--allow-all", "main.mjs"], "requests: 20"),
  ...Object.keys(RESOLUTIONS).map((name) =>
    command(`types, ${name}`, "npx", ["tsc", "--project", `tsconfig.${name}.json`])
  ),
];

/** How a page is bundled: the commands make a folder with `page.html`. */
export const BUNDLERS: Readonly<Record<string, readonly string[]>> = {
  esbuild: ["esbuild", "page.js", "worker.js", "page.html", "--bundle", "--minify"]
    .concat("--format=esm", "--loader:.html=copy", "--entry-names=[name]", "--outdir=out-esbuild"),
  vite: ["vite", "build", "--config", "vite.config.js"],
};

/** Vite's configuration. */
export const VITE_CONFIG = `export default {
  base: "./",
  worker: { format: "es" },
  build: { outDir: "out-vite", target: "es2022", rollupOptions: { input: "page.html" } },
};
`;
