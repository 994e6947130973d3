import { assertEquals } from "@std/assert";
import { CONTENT, OTHER_CONTENT, race } from "./main.ts";

Deno.test("with a plain word a late reader gets a block that is reclaimed under it", async () => {
  assertEquals(await race("plain"), [CONTENT, OTHER_CONTENT]);
});

Deno.test("with a tagged word it finds no block", async () => {
  assertEquals(await race("tagged"), null);
});
