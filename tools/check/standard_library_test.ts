import { assertEquals, assertStringIncludes } from "@std/assert";
import { mayRun } from "./permissions.ts";
import { checkStandardLibrary } from "./standard_library.ts";

/** Checks a package of one module. */
async function check(source: string): Promise<string[]> {
  const folder = await Deno.makeTempDir();
  try {
    const config = JSON.stringify({ name: "@guestmem/rcu", exports: { ".": "./mod.ts" } });
    await Deno.mkdir(`${folder}/rcu`);
    await Deno.writeTextFile(`${folder}/rcu/mod.ts`, source);
    return await checkStandardLibrary(new Map([["rcu/deno.json", config]]), `file://${folder}/`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const ignore = !await mayRun();

Deno.test({
  name: "what Node 20 has is accepted",
  ignore,
  fn: async () => {
    const source = "export const x: number | undefined = [1, 2].findLast((n) => n < 2);\n" +
      "export const y: WebAssembly.Memory | symbol = Symbol.dispose;\n";
    assertEquals(await check(source), []);
  },
});

Deno.test({
  name: "what is newer, or a platform's own, is caught",
  ignore,
  fn: async () => {
    for (const expression of ["Map.groupBy([1], String)", "[1].values().map(String)", "Deno"]) {
      const [problem = ""] = await check(`export const x: unknown = ${expression};`);
      assertStringIncludes(problem, "Type checking failed");
    }
  },
});
