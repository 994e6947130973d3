import { array, defineLayout } from "@guestmem/rcu/layout";
import { assertEquals, assertThrows } from "@std/assert";
import { constantsOf } from "./constants.ts";

Deno.test("layouts, tables of numbers and numbers become constants", () => {
  const ROW = defineLayout({ id: "u32", firstPage: "u64", words: array("u32", 2) });
  const text = constantsOf({ ROW, FLAG: { READ_ONLY: 1, LOG: 2 }, LIMIT: 7, helper: () => 1 });
  assertEquals(
    text,
    [
      "export const ROW_ID: usize = 0;",
      "export const ROW_FIRST_PAGE: usize = 8;",
      "export const ROW_WORDS: usize = 16;",
      "export const ROW_WORDS_STRIDE: usize = 4;",
      "export const ROW_SIZE: usize = 24;",
      "export const FLAG_READ_ONLY = 1;",
      "export const FLAG_LOG = 2;",
      "export const LIMIT = 7;",
      "",
    ].join("\n"),
  );
});

Deno.test("what is no constant is refused by name", () => {
  assertThrows(() => constantsOf({ LABEL: "a" }), TypeError, "Cannot make a constant of LABEL");
});
