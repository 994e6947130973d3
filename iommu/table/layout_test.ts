import { assertEquals } from "@std/assert";
import { ENTRIES, HEADER, TABLE } from "./layout.ts";

Deno.test("the kernel goes by the same layout", async () => {
  const source = await Deno.readTextFile(new URL("../kernel/kernel.as.ts", import.meta.url));
  const constants = [...source.matchAll(/^const (\w+): \w+ = (\d+);$/gm)];
  assertEquals(
    constants.map(([, name, value]) => [name, Number(value)]),
    [["ROOT", HEADER.root], ["LEVELS", HEADER.levels], ["ENTRIES", ENTRIES], ["TABLE", TABLE]],
  );
});
