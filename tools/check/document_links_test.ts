import { assertEquals } from "@std/assert";
import { checkDocumentLinks } from "./document_links.ts";

const check = (path: string, text: string): string[] =>
  checkDocumentLinks(
    new Map([
      ["README.md", "# guestmem\n\n## First errors: `x`\n"],
      ["rcu/mod.ts", ""],
      [path, text],
    ]),
  );

Deno.test("links to files, folders, headings and other sites are fine", () => {
  const text = "[a](mod.ts) [b](../rcu/) [c](../README.md#first-errors-x) [d](https://x.org/y) " +
    "[e](#more)\n\n## More\n";
  assertEquals(check("rcu/README.md", text), []);
});

Deno.test("a link to a file or a heading that does not exist is caught", () => {
  assertEquals(check("rcu/README.md", "[a](gone.ts)"), [
    "rcu/README.md: links to rcu/gone.ts, which does not exist",
  ]);
  assertEquals(check("rcu/README.md", "[a](../README.md#gone) [b](#lost)"), [
    "rcu/README.md: ../README.md#gone names no heading",
    "rcu/README.md: #lost names no heading",
  ]);
});

Deno.test("a walk of the architecture page names one to nine files that exist", () => {
  const walk = (files: number) =>
    checkDocumentLinks(
      new Map([
        ...Array.from({ length: files }, (_, i) => [`rcu/${i}.ts`, ""] as const),
        [
          ".github/ARCHITECTURE.md",
          "# Architecture\n\n## A walk\n\n" +
          Array.from({ length: files }, (_, i) => `1. [x](../rcu/${i}.ts) [x](../rcu/${i}.ts)\n`)
            .join("") +
          "\n## No walk\n\nText.\n",
        ],
      ]),
    );
  assertEquals(walk(9), []);
  assertEquals(walk(10), ['.github/ARCHITECTURE.md: "A walk" names 10 files, not 1 to 9']);
  assertEquals(check(".github/ARCHITECTURE.md", "## A walk\n\n1. Nothing.\n"), [
    '.github/ARCHITECTURE.md: "A walk" names 0 files, not 1 to 9',
  ]);
});
