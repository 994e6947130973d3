import { assertEquals } from "@std/assert";

const HERE = import.meta.resolve("./");

Deno.test("the reference of package rcu shows how a death is noticed, in Deno and in Node", async () => {
  const readme = await Deno.readTextFile(new URL("../../../rcu/REFERENCE.md", HERE));
  const blocks = [...readme.matchAll(/^```ts ignore\n\/\/ deaths\/(\w+\.ts)\n([^`]*)^```$/gm)];
  assertEquals(blocks.map(([, name]) => name), ["main.ts", "main_node.ts"]);
  for (const [, name, text] of blocks) {
    assertEquals(await Deno.readTextFile(new URL(name!, HERE)), text, name);
  }
});

Deno.test("a worker that dies with a mutex and in a section is evicted", async () => {
  const { outcome } = await import("./main.ts");
  assertEquals(outcome, { members: { readers: 1, mutexes: 1 }, lock: "owner-died" });
});
