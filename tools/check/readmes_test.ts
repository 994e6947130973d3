import { assertEquals } from "@std/assert";
import { checkReadmes } from "./readmes.ts";

const check = (text: string): string[] => checkReadmes(new Map([["rcu/README.md", text]]));

Deno.test("a README of 800 words passes, a longer one does not", () => {
  assertEquals(check("word ".repeat(799)), []);
  assertEquals(check("word ".repeat(801)).length, 1);
});

Deno.test("a README that names a task of the repository is caught", () => {
  assertEquals(check("Run `deno task demo`."), ["rcu/README.md: names a task of the repository"]);
});
