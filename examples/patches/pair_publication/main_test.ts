import { assertEquals } from "@std/assert";
import { replacePair } from "./main.ts";

Deno.test("rereading the table does not notice a root that came before it", async () => {
  assertEquals(await replacePair("reread the table"), [2, 1]);
});

Deno.test("announcing the table does not notice an update that is over", async () => {
  assertEquals(await replacePair("announce the table"), [2, 1]);
});

Deno.test("one word for both is whole", async () => {
  assertEquals(await replacePair("one word"), [1, 1]);
});

Deno.test("a struct that is replaced as a whole is whole", async () => {
  assertEquals(await replacePair("pointer to a struct"), [1, 1]);
});
