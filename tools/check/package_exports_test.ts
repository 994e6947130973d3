import { assertEquals } from "@std/assert";
import { checkPackageExports } from "./package_exports.ts";

const DOOR = "/**\n * A package.\n *\n * @module\n */\n";

const documents = (member: string) => ({
  [`${member}/README.md`]: "",
  [`${member}/LICENSE`]: "",
  [`${member}/CHANGELOG.md`]: "# Changelog\n\n## 1.0.0\n",
});

/** A sound project of two packages, with some files changed. */
function project(changes: Record<string, unknown> = {}): Map<string, string> {
  const config = (name: string) => ({
    name: `@guestmem/${name}`,
    version: "1.0.0",
    license: "MIT",
    exports: { ".": "./mod.ts" },
  });
  const files: Record<string, unknown> = {
    "deno.json": { workspace: ["./rcu", "./ramblock"] },
    "rcu/deno.json": config("rcu"),
    "rcu/mod.ts": DOOR,
    ...documents("rcu"),
    "ramblock/deno.json": {
      ...config("ramblock"),
      exports: { ".": "./mod.ts", "./memslots": "./memslots/mod.ts" },
    },
    "ramblock/mod.ts": DOOR,
    "ramblock/memslots/mod.ts": DOOR,
    ...documents("ramblock"),
    ...changes,
  };
  return new Map(
    Object.entries(files).filter(([, content]) => content !== undefined)
      .map(([path, content]) => [
        path,
        typeof content === "string" ? content : JSON.stringify(content),
      ]),
  );
}

const rcu = { name: "@guestmem/rcu", version: "1.0.0", license: "MIT" };

Deno.test("a sound project passes", () => {
  assertEquals(checkPackageExports(project()), []);
});

Deno.test("each broken promise is caught", () => {
  const cases: [Record<string, unknown>, string][] = [
    [{ "rcu/sub/mod.ts": DOOR }, "rcu/deno.json: ./sub/mod.ts is public and not exported"],
    [
      { "rcu/deno.json": { ...rcu, exports: { ".": "./mod.ts", "./x": "./x.ts" } } },
      "rcu/deno.json: exports ./x.ts, which does not exist",
    ],
    [
      {
        "rcu/deno.json": { ...rcu, exports: { ".": "./mod.ts", "./x": "./_x.ts" } },
        "rcu/_x.ts": DOOR,
      },
      "rcu/deno.json: exports ./_x.ts, which is internal",
    ],
    [
      {
        "rcu/deno.json": { ...rcu, exports: { ".": "./mod.ts", "./x": "./x_test.ts" } },
        "rcu/x_test.ts": DOOR,
      },
      "rcu/deno.json: exports ./x_test.ts, which is internal",
    ],
    [
      { "rcu/deno.json": { ...rcu, name: "rcu", exports: { ".": "./mod.ts" } } },
      "rcu/deno.json: name is rcu",
    ],
    [
      { "rcu/deno.json": { ...rcu, license: "GPL", exports: { ".": "./mod.ts" } } },
      "rcu/deno.json: license is GPL",
    ],
    [
      {
        "rcu/deno.json": { ...rcu, version: "2.0.0", exports: { ".": "./mod.ts" } },
        "rcu/CHANGELOG.md": "\n## 2.0.0",
      },
      "the versions differ: rcu 2.0.0, ramblock 1.0.0",
    ],
    [
      { "rcu/mod.ts": `${DOOR}export { a } from "./a.ts";`, "rcu/a.ts": "", "rcu/b.ts": "" },
      "rcu/b.ts: is published, but no export leads to it",
    ],
    [{ "rcu/README.md": undefined }, "rcu/README.md: is missing"],
    [{ "rcu/LICENSE": undefined }, "rcu/LICENSE: is missing"],
    [
      { "rcu/CHANGELOG.md": "\n## 0.9.0" },
      "rcu/CHANGELOG.md: has no section for version 1.0.0",
    ],
    [
      { "ramblock/memslots/mod.ts": 'export * from "./a.ts";' },
      "ramblock/memslots/mod.ts: has no module documentation",
    ],
    [
      { "deno.json": { workspace: ["./rcu"] } },
      'deno.json: ramblock must be in "workspace" if it has a deno.json, and only then',
    ],
  ];
  for (const [changes, problem] of cases) {
    assertEquals(checkPackageExports(project(changes)), [problem]);
  }
});

Deno.test('a package whose "." is not its mod.ts is caught', () => {
  const changes = { "rcu/deno.json": { ...rcu, exports: { ".": "./a.ts" } }, "rcu/a.ts": DOOR };
  assertEquals(checkPackageExports(project(changes)), [
    'rcu/deno.json: "." exports ./a.ts and not ./mod.ts',
    "rcu/deno.json: ./mod.ts is public and not exported",
  ]);
});

Deno.test("a package that imports a sibling's internals pins its exact version", () => {
  const name = "@guestmem/ramblock";
  const config = { ...rcu, name, exports: { ".": "./mod.ts", "./memslots": "./memslots/mod.ts" } };
  const pin = (imports?: Record<string, string>) =>
    checkPackageExports(project({
      "ramblock/deno.json": { ...config, imports },
      "ramblock/mod.ts": DOOR + 'export type { Kernel } from "@guestmem/rcu/internal";',
    }));
  const problem = 'ramblock/deno.json: "imports" must pin "@guestmem/rcu" to ' +
    "jsr:@guestmem/rcu@1.0.0, since @guestmem/rcu/internal is imported";
  assertEquals(pin(), [problem]);
  assertEquals(pin({ "@guestmem/rcu": "jsr:@guestmem/rcu@^1.0.0" }), [problem]);
  assertEquals(pin({ "@guestmem/rcu": "jsr:@guestmem/rcu@0.9.0" }), [problem]);
  assertEquals(pin({ "@guestmem/rcu": "jsr:@guestmem/rcu@1.0.0" }), []);
  const stale = { ...config, imports: { "@guestmem/rcu": "jsr:@guestmem/rcu@1.0.0" } };
  assertEquals(checkPackageExports(project({ "ramblock/deno.json": stale })), [
    'ramblock/deno.json: "imports" pins @guestmem/rcu, of which no internals are imported',
  ]);
});
