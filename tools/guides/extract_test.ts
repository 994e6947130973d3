import { assertEquals, assertThrows } from "@std/assert";
import { isAsShown, stepsOf } from "./extract.ts";

const GUIDE = [
  "```sh",
  "npm install @guestmem/rcu",
  "```",
  "```js",
  "// main.mjs",
  "console.log(1);",
  "```",
  "```sh",
  "node main.mjs   # or deno run -A main.mjs",
  "```",
  "```text",
  "1",
  "```",
].join("\n");

Deno.test("files, commands and what they print", () => {
  assertEquals(stepsOf(GUIDE), [
    { kind: "file", name: "main.mjs", text: "// main.mjs\nconsole.log(1);\n" },
    { kind: "run", file: "main.mjs", output: "1\n" },
  ]);
});

Deno.test("code that belongs to no file is an error", () => {
  assertThrows(() => stepsOf("```js\nconsole.log(1);\n```"), Error, "NAME.mjs");
});

Deno.test("output is compared, but for what ... stands for", () => {
  assertEquals(isAsShown("a\nb\n", "a\nb\n"), true);
  assertEquals(isAsShown("a\nb\n", "a\n"), false);
  assertEquals(isAsShown("a\n1\n2\nb\n", "a\n...\nb\n"), true);
  assertEquals(isAsShown("a (b)\n", "a (b)\n"), true);
});
