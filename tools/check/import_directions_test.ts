import { assertEquals } from "@std/assert";
import { checkImportDirections } from "./import_directions.ts";

/** The problems of one file. */
const check = (path: string, source: string): string[] =>
  checkImportDirections(new Map([[path, source]]));

Deno.test("packages import along the picture", () => {
  const tree = new Map([
    ["rcu/mod.ts", `export { a } from "./a.ts";`],
    ["physmap/x.ts", `import { a } from "@guestmem/rcu"; import { b } from "./y/b.ts";`],
    ["physmap/y/b.ts", `import { c } from "../c.ts"; import "@guestmem/physmap";`],
    ["flatview/x.ts", `import { a } from "@guestmem/rcu"; import "@guestmem/physmap/sub";`],
    ["ramblock/x.ts", `import { a } from "@guestmem/rcu";`],
    ["iommu/x.ts", `import type { A } from "@guestmem/flatview";`],
    ["examples/x.ts", `import "@guestmem/iommu"; import "@std/cli/parse-args"; import "node:fs";`],
    [
      "rcu/a_test.ts",
      `import "@std/assert"; import "#tools/testing/workers.ts"; import "fast-check";`,
    ],
    ["tools/x.ts", `import "@guestmem/iommu"; import "../rcu/mod.ts";`],
  ]);
  assertEquals(checkImportDirections(tree), []);
});

Deno.test("an import against the picture is caught, in a test file too", () => {
  assertEquals(check("rcu/a.ts", `import { b } from "@guestmem/physmap";`), [
    'rcu/a.ts: imports "@guestmem/physmap": rcu must not import physmap',
  ]);
  for (
    const [path, member] of [
      ["rcu/a_test.ts", "flatview"],
      ["physmap/a.ts", "flatview"],
      ["flatview/a.ts", "iommu"],
      ["ramblock/a.ts", "flatview/sub"],
      ["iommu/a.ts", "ramblock"],
      ["physmap/a.ts", "examples"],
    ] as const
  ) assertEquals(check(path, `import type { A } from "@guestmem/${member}";`).length, 1, path);
});

Deno.test("iommu may not import values of flatview", () => {
  assertEquals(check("iommu/a.ts", `import { render } from "@guestmem/flatview";`), [
    'iommu/a.ts: imports "@guestmem/flatview": iommu may import only types of flatview',
  ]);
});

Deno.test("a relative import that leaves its package is caught", () => {
  assertEquals(check("physmap/y/a.ts", `import { a } from "../../rcu/mod.ts";`), [
    'physmap/y/a.ts: imports "../../rcu/mod.ts": a relative import leaves its package',
  ]);
});

Deno.test("a published file with a dependency is caught", () => {
  assertEquals(check("rcu/a.ts", `import fc from "fast-check";`), [
    'rcu/a.ts: imports "fast-check": a package depends on nothing but its siblings',
  ]);
});

Deno.test("the examples, which are users, may not import internals; packages may", () => {
  assertEquals(check("examples/x.ts", `import type { K } from "@guestmem/rcu/internal";`), [
    'examples/x.ts: imports "@guestmem/rcu/internal": ' +
    "internals are for the packages, not for their users",
  ]);
  assertEquals(check("physmap/x.ts", `import type { K } from "@guestmem/rcu/internal";`), []);
});
