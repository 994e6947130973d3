import { assertEquals } from "@std/assert";
import { checkTarball } from "./tarballs.ts";

const tree = new Map([
  ["physmap/deno.json", JSON.stringify({ version: "1.2.3" })],
  ["physmap/x/assembly/y.as.ts", ""],
]);
const KEYS = ["description", "keywords", "license", "repository", "homepage", "bugs", "engines"];
const manifest = {
  ...Object.fromEntries(KEYS.map((key) => [key, "x"])),
  version: "1.2.3",
  sideEffects: false,
  exports: { ".": { import: "./esm/mod.js", default: "./esm/mod.js" } },
  dependencies: { "@guestmem/rcu": "^1.2.3" },
};

const MAP = { sources: ["mod.ts"], sourcesContent: ["export {};"] };

/** What is found in a sound tarball after some changes; a file that is `undefined` is missing. */
function check(changes: Record<string, unknown> = {}): string[] {
  const contents: Record<string, unknown> = {
    "package.json": manifest,
    "README.md": "",
    "REFERENCE.md": "",
    "CHANGELOG.md": "",
    "LICENSE": "",
    "esm/package.json": { type: "module", sideEffects: false },
    "esm/mod.js": `/** import "@std/assert" */ import { a } from "@guestmem/rcu"; import "./b.js";`,
    "esm/mod.js.map": MAP,
    "esm/mod.d.ts": "",
    "x/assembly/y.as.ts": "",
    ...changes,
  };
  const files = Object.entries(contents).filter(([, content]) => content !== undefined)
    .map(([path, content]) => {
      const text = typeof content === "string" ? content : JSON.stringify(content);
      return [path, new TextEncoder().encode(text)] as const;
    });
  return checkTarball({ member: "physmap", files: new Map(files) }, tree);
}

Deno.test("a sound tarball passes", () => {
  assertEquals(
    check({ "esm/x/contest.js": "", "esm/x/contest.js.map": MAP, "esm/x/contest.d.ts": "" }),
    [],
  );
});

Deno.test("each thing that must not be in a tarball is caught", () => {
  for (
    const path of [
      "esm/mod_test.js",
      "esm/x/mod_test.d.ts",
      "esm/x_test_worker.js",
      "esm/mod_bench.js",
      "esm/testdata/machine.js",
      "esm/testdata/machine.json.gz",
      "esm/model/byte_model.js",
      "esm/mod.ts",
      "esm/kernel.as.ts",
      "src/mod.ts",
      "deno.json",
    ]
  ) assertEquals(check({ [path]: "", [`${path}.map`]: MAP })[0], `physmap: has ${path}`);
});

Deno.test("each thing that a tarball must have is missed", () => {
  for (
    const path of [
      "README.md",
      "REFERENCE.md",
      "CHANGELOG.md",
      "LICENSE",
      "package.json",
      "x/assembly/y.as.ts",
    ]
  ) {
    assertEquals(check({ [path]: undefined }), [`physmap: lacks ${path}`]);
  }
  const exports = { ...manifest.exports, "./x": { import: "./esm/x.js", default: "./esm/x.js" } };
  assertEquals(check({ "package.json": { ...manifest, exports } }), [
    "physmap: exports esm/x.js, which it lacks",
    "physmap: esm/x.js has no types",
  ]);
});

Deno.test("versions and dependencies must agree with deno.json and the imports", () => {
  assertEquals(check({ "package.json": { ...manifest, version: "1.2.4" } }), [
    "physmap: is 1.2.4, deno.json says 1.2.3",
  ]);
  assertEquals(check({ "package.json": { ...manifest, dependencies: {} } }), [
    "physmap: imports @guestmem/rcu and does not depend on it",
  ]);
  assertEquals(check({ "esm/mod.js": "" }), [
    "physmap: depends on @guestmem/rcu and does not import it",
  ]);
  const dependencies = { "@guestmem/rcu": "*" };
  assertEquals(check({ "package.json": { ...manifest, dependencies } }), [
    "physmap: depends on @guestmem/rcu * and not ^1.2.3",
  ]);
  assertEquals(check({ "esm/mod.d.ts": `export { f } from "fast-check/sub";` }), [
    "physmap: imports fast-check and does not depend on it",
  ]);
});

Deno.test("a package that imports a sibling's internals depends on its exact version", () => {
  const code = `import { k } from "@guestmem/rcu/internal";`;
  const internal = { "esm/b.js": code, "esm/b.js.map": MAP };
  assertEquals(check(internal), ["physmap: depends on @guestmem/rcu ^1.2.3 and not 1.2.3"]);
  const dependencies = { "@guestmem/rcu": "1.2.3" };
  assertEquals(check({ ...internal, "package.json": { ...manifest, dependencies } }), []);
});

Deno.test("what npm, bundlers and debuggers look for must be there", () => {
  const { keywords: _, ...bare } = manifest as Record<string, unknown>;
  assertEquals(check({ "package.json": bare }), ["physmap: package.json has no keywords"]);
  const exports = { ".": { import: "./esm/mod.js" } };
  assertEquals(check({ "package.json": { ...manifest, exports } }), [
    "physmap: exports . to import alone",
  ]);
  assertEquals(check({ "esm/package.json": { type: "module" } }), [
    "physmap: esm/package.json allows side effects",
  ]);
  assertEquals(check({ "esm/mod.js.map": undefined }), ["physmap: esm/mod.js has no source map"]);
  for (const map of [{ sources: ["mod.ts"] }, { ...MAP, sources: ["file:///home/me/mod.ts"] }]) {
    assertEquals(check({ "esm/mod.js.map": map }), [
      "physmap: esm/mod.js.map does not hold its source under a relative name",
    ]);
  }
});
