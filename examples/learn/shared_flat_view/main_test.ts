import { assertEquals } from "@std/assert";
import { shareViews } from "./main.ts";

Deno.test("address spaces that show the same have one view, built once", () => {
  assertEquals(Object.values(shareViews()), [
    { nicShares: true, diskShares: true, built: 1, alive: 2 },
    { nicShares: true, diskShares: false, built: 0, alive: 2 },
    { nicShares: true, diskShares: false, built: 1, alive: 2 },
    { nicShares: false, diskShares: false, built: 1, alive: 3 },
  ]);
});
