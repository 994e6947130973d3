import { assertEquals } from "@std/assert";
import { checkOfflineExports } from "./offline_exports.ts";

const check = (files: Record<string, string>): string[] =>
  checkOfflineExports(
    new Map(Object.entries({
      "tools/offline/imports.json": '{ "imports": { "@std/a": "./a.ts", "b": "npm:b" } }',
      "tools/offline/a.ts": "export function one() {}\nexport class Two {}\nexport type T = 1;",
      ...files,
    })),
  );

Deno.test("what a module or an example imports is used", () => {
  assertEquals(
    check({
      "rcu/x_test.ts": 'import {\n  one as first,\n} from "@std/a";',
      "rcu/x.ts": '/**\n * ```ts\n * import { type T, Two } from "@std/a";\n * ```\n */',
    }),
    [],
  );
});

Deno.test("one stand-in may use another", () => {
  assertEquals(
    check({
      "rcu/x_test.ts": 'import { one } from "@std/a";',
      "tools/offline/b.ts": 'import { Two } from "./a.ts";',
    }),
    [],
  );
});

Deno.test("what nothing but the stand-ins' own tests import is caught", () => {
  assertEquals(
    check({
      "rcu/x_test.ts": 'import { one } from "@std/a"; import { Two } from "./own.ts";',
      "tools/offline/a_test.ts": 'import { Two } from "@std/a";',
    }),
    ["tools/offline/a.ts: nothing imports Two from @std/a"],
  );
});
