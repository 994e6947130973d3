import { assertEquals } from "@std/assert";
import { moveBar, NIC } from "./main.ts";

Deno.test("a reader's dispatch stays as it was until its section ends", async () => {
  const seen = await moveBar("freed after a grace period");
  assertEquals(seen, { before: NIC, after: NIC, next: 0 });
});

Deno.test("planted: a dispatch that is freed at once becomes another map under its reader", async () => {
  const seen = await moveBar("freed at once");
  assertEquals(seen, { before: NIC, after: 0, next: 0 });
});
