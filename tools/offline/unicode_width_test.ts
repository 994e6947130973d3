import { assertEquals } from "@std/assert";
import { unicodeWidth } from "./unicode_width.ts";

Deno.test("columns of a terminal", () => {
  assertEquals(unicodeWidth(""), 0);
  assertEquals(unicodeWidth("12 µs"), 5);
  assertEquals(unicodeWidth("e\u0301\x1b"), 1);
  assertEquals(unicodeWidth("仮想ﾒﾓﾘ"), 7);
  assertEquals(unicodeWidth("🐧█"), 3);
});
