import { assertEquals } from "@std/assert";
import { importGraph, importsOf } from "./import_graph.ts";

Deno.test("importsOf finds every form of import and no comment", () => {
  const source = `
    import { a } from "a"; // import { x } from "x";
    import type { B } from 'b';
    import { type C, type D } from "c";
    import { type E, e } from "e";
    import f, {
      g,
    } from "f";
    export * from "h";
    export type { I } from "i";
    import "j";
    const k = await import("k");
    const l = import.meta.resolve("./l.ts");
    /* import "y"; */
    /** from "z" */
    const url = "http://host"; import m from "m";
    type N = import("n").N;
  `;
  assertEquals(
    importsOf(source).map(({ specifier, kind }) => `${specifier} ${kind}`),
    [
      ..."a values,b types,c types,e values,f values,h values,i types,m values".split(","),
      ..."j values,k values,./l.ts url,n values".split(","),
    ],
  );
});

Deno.test("importGraph resolves relative paths, packages and tools, and leaves out the rest", () => {
  const tree = new Map([
    ["rcu/deno.json", `{ "exports": { ".": "./mod.ts", "./layout": "./layout/mod.ts" } }`],
    ["rcu/mod.ts", `export { a } from "./arena/a.ts";`],
    ["rcu/layout/mod.ts", ""],
    ["rcu/arena/a.ts", `import "../layout/mod.ts"; import "./missing.ts"; import "node:fs";`],
    ["physmap/x.ts", `import "@guestmem/rcu"; import type { L } from "@guestmem/rcu/layout";`],
    ["physmap/x_test.ts", `import "#tools/testing/until.ts"; import "@guestmem/rcu/none";`],
    ["tools/testing/until.ts", ""],
    ["rcu/kernel/kernel.as.ts", `import { X } from "./layouts";`],
  ]);
  const edges = [...importGraph(tree)].map(([from, edges]) => [from, edges.map(({ to }) => to)]);
  assertEquals(edges, [
    ["rcu/mod.ts", ["rcu/arena/a.ts"]],
    ["rcu/layout/mod.ts", []],
    ["rcu/arena/a.ts", ["rcu/layout/mod.ts"]],
    ["physmap/x.ts", ["rcu/layout/mod.ts", "rcu/mod.ts"]],
    ["physmap/x_test.ts", ["tools/testing/until.ts"]],
    ["tools/testing/until.ts", []],
  ]);
});
