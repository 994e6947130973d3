import { assertEquals } from "@std/assert";
import { checkImportCircles } from "./import_circles.ts";

const check = (files: Record<string, string>): string[] =>
  checkImportCircles(new Map(Object.entries(files)));

Deno.test("what has no circle passes", () => {
  assertEquals(
    check({
      "rcu/mod.ts": 'export * from "./b/b.ts";',
      "rcu/b/b.ts": 'import "./c.ts"; import "../a/a.ts";',
      "rcu/b/c.ts": 'import "../a/a.ts";',
      "rcu/a/a.ts": "",
    }),
    [],
  );
});

Deno.test("a circle of files is caught, whatever kind of import closes it", () => {
  for (
    const last of [
      'import { a } from "./a.ts";',
      'import type { A } from "./a.ts";',
      'export type { A } from "./a.ts";',
      'const a = await import("./a.ts");',
      'type A = import("./a.ts").A;',
      'start(import.meta.resolve("./a.ts"));',
    ]
  ) {
    const files = { "rcu/a.ts": 'import "./b.ts";', "rcu/b.ts": 'import "./c.ts";' };
    assertEquals(check({ ...files, "rcu/c.ts": last }), [
      "circle of files: rcu/a.ts -> rcu/b.ts -> rcu/c.ts -> rcu/a.ts",
    ]);
  }
});

Deno.test("a circle of tests is caught, and a module that imports itself", () => {
  assertEquals(
    check({
      "rcu/a_test.ts": 'import type { A } from "./a_test_worker.ts";',
      "rcu/a_test_worker.ts": 'import type { B } from "./a_test.ts";',
      "rcu/self.ts": 'import "./self.ts";',
    }),
    [
      "circle of files: rcu/a_test.ts -> rcu/a_test_worker.ts -> rcu/a_test.ts",
      "circle of files: rcu/self.ts -> rcu/self.ts",
    ],
  );
});

Deno.test("a circle of folders is caught without one of files, and through a package's name", () => {
  assertEquals(
    check({
      "rcu/a/one.ts": 'import "../b/one.ts";',
      "rcu/b/one.ts": "",
      "rcu/b/two.ts": 'import type { T } from "../a/two.ts";',
      "rcu/a/two.ts": "",
    }),
    [
      "circle of folders: rcu/a -> rcu/b -> rcu/a" +
      "\n    rcu/a/one.ts imports rcu/b/one.ts\n    rcu/b/two.ts imports rcu/a/two.ts",
    ],
  );
  const [problem] = check({
    "rcu/deno.json": '{ "exports": { ".": "./mod.ts" } }',
    "rcu/mod.ts": 'import "#tools/lib/a.ts";',
    "tools/lib/a.ts": "",
    "tools/lib/b.ts": 'import "@guestmem/rcu";',
  });
  assertEquals(problem?.split("\n")[0], "circle of folders: rcu -> tools/lib -> rcu");
});

Deno.test("a test may import from a folder that imports the tested one", () => {
  assertEquals(
    check({
      "rcu/a/one.ts": "",
      "rcu/a/one_test.ts": 'import "../b/one.ts";',
      "rcu/b/one.ts": 'import "../a/one.ts";',
    }),
    [],
  );
});
