import { assertEquals } from "@std/assert";
import { checkPublishedFiles } from "./published_files.ts";
import { PORTABLE } from "../lib/tree.ts";

const NAMES = [
  "deno.json",
  "mod.ts",
  "README.md",
  "REFERENCE.md",
  "CHANGELOG.md",
  "LICENSE",
  "a/b.ts",
  "assembly/c.as.ts",
];

const check = (paths: string[]): string[] => {
  const lines = paths.map((path) => `   file:///my%20work/${path} (1.05KB)\n`);
  const output = `Check rcu/mod.ts\nSimulating publish of ... with files:\n${lines.join("")}`;
  return checkPublishedFiles(output, "file:///my%20work/");
};

Deno.test("sources and documents of all packages are published, and nothing else", () => {
  const paths = PORTABLE.flatMap((member) => NAMES.map((name) => `${member}/${name}`));
  assertEquals(check(paths), []);
  assertEquals(check(paths.filter((path) => path !== "iommu/LICENSE")), [
    "iommu/LICENSE is not published",
  ]);
  const stray = [
    "rcu/a_test.ts",
    "rcu/testdata/a.json.gz",
    "rcu/notes.md",
    "tools/a.ts",
    "rcu/kernel.as.ts",
  ];
  assertEquals(check([...paths, ...stray]), stray.map((path) => `${path} is published`));
});
