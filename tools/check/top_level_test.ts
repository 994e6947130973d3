import { assertEquals } from "@std/assert";
import { checkTopLevel } from "./top_level.ts";

Deno.test("the members, the tools and the usual files belong at the top level", () => {
  assertEquals(
    checkTopLevel(["rcu", "examples", "tools", ".ci", ".git", ".github", "LICENSE"]),
    [],
  );
});

Deno.test("anything else is caught", () => {
  assertEquals(checkTopLevel(["rcu", "notes.md", "node_modules"]), [
    "notes.md: does not belong at the top level",
    "node_modules: does not belong at the top level",
  ]);
});
