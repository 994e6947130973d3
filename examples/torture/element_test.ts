import { assertEquals } from "@std/assert";
import { Arena } from "@guestmem/rcu";
import { Elements, MAX_PAYLOAD } from "./element.ts";

const arena = Arena.create({ bytes: 1 << 17 });
const elements = new Elements(arena);

Deno.test("an element is without flaw at whatever length, and ages", () => {
  for (let length = 0; length <= MAX_PAYLOAD; length++) {
    const block = elements.create(length, length);
    assertEquals(elements.flaw(block, length), undefined);
    assertEquals(elements.age(block), 0);
    assertEquals(elements.grow(block), 1);
    assertEquals(elements.age(block), 1);
    arena.free(block);
  }
});

Deno.test("every word betrays what does not belong there", () => {
  for (let word = 1; word < 3 + 8; word++) {
    const block = elements.create(77, 8);
    arena.u32[block / 4 + word]! ^= 0x80000000;
    const expected = word <= 2 ? "foreign content" : "torn payload";
    assertEquals(elements.flaw(block, 77), expected, `word ${word}`);
  }
});

Deno.test("a payload half of which is another version's is torn", () => {
  const [block, other] = [elements.create(1, 20), elements.create(2, 20)];
  arena.u32.copyWithin(block / 4 + 13, other / 4 + 13, other / 4 + 23);
  assertEquals(elements.flaw(block, 1), "torn payload");
});

Deno.test("poison shows, whole or in part, and leaves the age", () => {
  const block = elements.create(5, 9);
  elements.grow(block);
  elements.poison(block);
  assertEquals(elements.flaw(block, 5), "poison");
  assertEquals(elements.age(block), 1);
  const half = elements.create(6, 9);
  arena.u32[half / 4 + 11] = arena.u32[block / 4 + 11]!;
  assertEquals(elements.flaw(half, 6), "poison");
});

Deno.test("a block that became another element's is foreign", () => {
  const block = elements.create(8, 4);
  arena.free(block);
  assertEquals(elements.create(9, 4), block);
  assertEquals(elements.flaw(block, 8), "foreign content");
});
