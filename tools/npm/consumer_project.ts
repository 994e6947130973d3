/**
 * A throwaway project outside the repository, which installs the tarballs as a user would.
 *
 * @module
 */

import { run } from "../lib/command.ts";
import type { Tarball } from "./tarballs.ts";

/** The sources of its test. They keep their paths. */
const SOURCES = [
  "examples/portable/control.ts",
  "examples/portable/machine.ts",
  "examples/portable/vcpu.ts",
  "examples/portable/vcpu_node.ts",
  "examples/lib/worker_port.ts",
  "examples/lib/workers_node.ts",
  "examples/learn/deaths/main_node.ts",
  "examples/learn/deaths/worker_node.ts",
  "tools/npm/consumer/main.ts",
  "tools/npm/consumer/parked_worker.ts",
];

/** The oldest TypeScript and the oldest Node types that the packages promise to work with. */
const DEV_DEPENDENCIES = { typescript: "~5.9.0", "@types/node": "^20.0.0" };

/** Options of both configurations. The packages' own declarations are checked as well. */
const STRICT = {
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  skipLibCheck: false,
  target: "ES2022",
};

/** Compiles the test for Node. */
const NODE = {
  compilerOptions: {
    ...STRICT,
    lib: ["ES2023", "DOM"], // "DOM" has WebAssembly
    types: ["node"],
    module: "NodeNext",
    rewriteRelativeImportExtensions: true,
    rootDir: ".",
    outDir: "built",
  },
  files: SOURCES,
};

/** Checks what a page runs, as a bundler would, without the types of Node. */
const BROWSER = {
  compilerOptions: {
    ...STRICT,
    lib: ["ES2023", "DOM", "ESNext.Disposable"],
    types: [],
    module: "ESNext",
    moduleResolution: "Bundler",
    allowImportingTsExtensions: true,
    noEmit: true,
  },
  files: ["examples/portable/control.ts"],
};

async function writeProject(folder: string, tarballs: readonly Tarball[]): Promise<void> {
  for (const source of SOURCES) {
    const target = `${folder}/${source}`;
    await Deno.mkdir(target.slice(0, target.lastIndexOf("/")), { recursive: true });
    await Deno.copyFile(source, target);
  }
  const dependencies = tarballs.map(({ member, path }) => [`@guestmem/${member}`, `file:${path}`]);
  const manifest = {
    name: "consumer",
    private: true,
    type: "module",
    dependencies: Object.fromEntries(dependencies),
    devDependencies: DEV_DEPENDENCIES,
  };
  await Deno.writeTextFile(`${folder}/package.json`, JSON.stringify(manifest));
  await Deno.writeTextFile(`${folder}/tsconfig.json`, JSON.stringify(NODE));
  await Deno.writeTextFile(`${folder}/tsconfig.browser.json`, JSON.stringify(BROWSER));
}

/** Installs the tarballs, checks types, and runs the test on Node. Throws if anything fails. */
export async function tryTarballs(tarballs: readonly Tarball[]): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await writeProject(folder, tarballs);
    await run("npm", ["install", "--no-audit", "--no-fund"], folder);
    await run("npx", ["tsc", "--project", "tsconfig.json"], folder);
    await run("npx", ["tsc", "--project", "tsconfig.browser.json"], folder);
    console.log("the types of the installed packages are sound");
    const report = await run("node", [
      "--test",
      "--test-reporter=spec",
      "built/tools/npm/consumer/main.js",
    ], folder);
    console.log(report);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
