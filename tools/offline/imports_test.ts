import { assert, assertEquals } from "@std/assert";

interface Imports {
  imports: Record<string, string>;
}

async function importsOf(path: string): Promise<Record<string, string>> {
  const text = await Deno.readTextFile(new URL(path, import.meta.url));
  return (JSON.parse(text) as Imports).imports;
}

const online = await importsOf("../../deno.json");
const offline = await importsOf("./imports.json");

/** deno.json names a JSR package, which stands for every module in it; the other map each module. */
const covers = (name: string, of: string): boolean =>
  of === name || (online[name]?.startsWith("jsr:") === true && of.startsWith(`${name}/`));

Deno.test("every offline name is one that deno.json covers too", () => {
  for (const name of Object.keys(offline)) {
    assert(Object.keys(online).some((other) => covers(other, name)), `deno.json lacks ${name}`);
  }
});

Deno.test("every name of deno.json has its stand-in offline", () => {
  for (const name of Object.keys(online)) {
    assert(Object.keys(offline).some((other) => covers(name, other)), `imports.json lacks ${name}`);
  }
});

Deno.test("npm packages are the same in both maps", () => {
  for (const [name, target] of Object.entries(online)) {
    if (target.startsWith("npm:")) assertEquals(offline[name], target);
  }
});
