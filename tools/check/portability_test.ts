import { assertEquals } from "@std/assert";
import { checkPortability } from "./portability.ts";

const check = (path: string, source: string): string[] =>
  checkPortability(new Map([[path, source]]));

Deno.test("a platform's own API is caught in a package", () => {
  for (
    const [source, what] of [
      ["const file = Deno.readTextFileSync(name);", "Deno"],
      ["const { args } = globalThis.Deno;", "Deno"],
      [`import fs from "node:fs";`, "a node: module"],
      ["process.exit(1);", "process"],
      ["const b = Buffer.alloc(1);", "Buffer"],
      [`const fs = require("fs");`, "require()"],
      ["new  Worker(url)", "new Worker"],
      ["await fetch(url)", "fetch()"],
      ["const get = globalThis.fetch;", "fetch()"],
      ["new XMLHttpRequest()", "XMLHttpRequest"],
    ] as const
  ) {
    assertEquals(check("rcu/x.ts", source), [
      `rcu/x.ts: uses ${what}: the package must be portable`,
    ]);
    assertEquals(check("rcu/deep/x.ts", source).length, 1);
  }
});

Deno.test("comments, tests, benches, tools and examples may use it", () => {
  assertEquals(check("rcu/x.ts", "/** Deno.test(...) */ const a = 1; // new Worker"), []);
  for (
    const path of [
      "rcu/x_test.ts",
      "rcu/x_test_worker.ts",
      "rcu/x_bench.ts",
      "rcu/model/x.ts",
      "rcu/explore/x.ts",
      "examples/x.ts",
      "tools/x.ts",
      "rcu/kernel/kernel.as.ts",
    ]
  ) assertEquals(check(path, "Deno.exit()"), [], path);
});

Deno.test("names that only look like it are let pass", () => {
  assertEquals(
    check(
      "rcu/x.ts",
      "prefetch(1); reprocess(); newWorker(); this.#require(1); require(slot); bus.fetch(0);",
    ),
    [],
  );
});
