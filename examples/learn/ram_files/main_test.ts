import { assertEquals } from "@std/assert";
import { boot } from "./main.ts";

Deno.test("what a guest writes from a worker survives its machine", async () => {
  const path = await Deno.makeTempFile();
  try {
    await Deno.truncate(path, 1 << 20);
    assertEquals(await boot(path, "one"), []);
    assertEquals(await boot(path, "two"), ["one"]);
    assertEquals(await boot(path, "three"), ["one", "two"]);
  } finally {
    await Deno.remove(path);
  }
});
