import { assertEquals } from "@std/assert";
import { checkExamplesRun } from "./examples_run.ts";

const FILE = `/// <reference lib="deno.worker" />\nimport { a } from "a";\n\na();\n`;

/** How many examples of a README nothing runs. */
const unrun = (text: string, path = "rcu/README.md"): number =>
  checkExamplesRun(new Map([[path, text], ["examples/x/main.ts", FILE]])).length;

Deno.test("an example that is run, or that is a file of the examples, is fine", () => {
  assertEquals(unrun("```ts\na();\n```\n\n```sh\nnpm test\n```\n"), 0);
  assertEquals(unrun('```ts ignore\n// main.ts\nimport { a } from "a";\n\na();\n```\n'), 0);
  assertEquals(unrun('```js\n// x/main.ts\nimport { a } from "a";\n\na();\n```\n'), 0);
});

Deno.test("any other is not", () => {
  assertEquals(unrun("```ts ignore\na();\n```\n"), 1);
  assertEquals(unrun("```js\na();\n```\n\n```ts no-eval\nb();\n```\n"), 2);
  assertEquals(unrun("```ts ignore\n// main.ts\nb();\n```\n"), 1);
  assertEquals(unrun('```ts ignore\n// other.ts\nimport { a } from "a";\n\na();\n```\n'), 1);
  const doc = "/**\n * ```ts ignore\n * a();\n * ```\n */\n";
  assertEquals(unrun(doc, "rcu/a.ts"), 1);
  assertEquals(unrun(doc, "rcu/a_test.ts"), 0);
});
