import { assertEquals } from "@std/assert";
import { once } from "node:events";

const HERE = import.meta.resolve("./");

Deno.test("a worker reads the value that was published last, and then ends", async () => {
  const { worker } = await import("./main.ts");
  const ended = once(worker, "exit");
  const [answer] = await once(worker, "message");
  assertEquals(answer, { requests: 20, paths: ["/", "/new"] });
  assertEquals(await ended, [0]);
});

Deno.test("the README of package rcu shows the two files, as JavaScript", async () => {
  const readme = await Deno.readTextFile(new URL("../../../rcu/README.md", HERE));
  const blocks = readme.matchAll(/^```js\n\/\/ (\w+)\.mjs\n([^`]*)^```$/gm);
  const shown = new Map([...blocks].map(([, name, text]) => [`${name}.ts`, text]));
  assertEquals([...shown.keys()], ["main.ts", "worker.ts"]);
  for (const [name, text] of shown) {
    const file = await Deno.readTextFile(new URL(name, HERE));
    assertEquals(text, file.replaceAll("parentPort!", "parentPort").replaceAll(".ts", ".mjs"));
  }
});
