import { assertEquals } from "@std/assert";

const HERE = import.meta.resolve("./");

/** The fenced blocks of the package's README that start with a file's name, by that name. */
async function readmeBlocks(): Promise<Map<string, string>> {
  const readme = await Deno.readTextFile(new URL("../../../rcu/README.md", HERE));
  const blocks = readme.matchAll(/^```ts ignore\n\/\/ (\w+\.ts)\n([^`]*)^```$/gm);
  return new Map([...blocks].map(([, name, text]) => [name!, text!]));
}

Deno.test("the README of package rcu shows the files of this example", async () => {
  const blocks = await readmeBlocks();
  assertEquals([...blocks.keys()].sort(), ["main.ts", "worker.ts"]);
  for (const [name, text] of blocks) {
    const file = await Deno.readTextFile(new URL(name, HERE));
    assertEquals(file, text, name);
  }
});

Deno.test("the worker sees the last version, and every old one is freed", async () => {
  const { arena, seen } = await import("./main.ts");
  assertEquals(await seen, 1000);
  const { liveBlocks, deferredBlocks } = arena.stats();
  // The domain, the pointer's cell and the last version.
  assertEquals([liveBlocks, deferredBlocks], [3, 0]);
});
