import { assertEquals } from "@std/assert";
import { Arena } from "@guestmem/rcu";
import { ViewWord } from "./layout.ts";
import { takeDead, tryRefView, unrefView } from "./view_refs.ts";

/** A block that looks like a view with one reference. */
function fakeView(arena: Arena, list: number): number {
  const view = arena.allocate(64);
  arena.u32[(view >>> 2) + ViewWord.REFS] = 1;
  arena.u32[(view >>> 2) + ViewWord.DEAD_LIST] = list;
  return view;
}

Deno.test("a count that reached zero stays there, and the view is found dead once", () => {
  const arena = Arena.create({ bytes: 1 << 16 });
  const list = arena.allocate(16);
  const [a, b] = [fakeView(arena, list), fakeView(arena, list)];
  assertEquals(tryRefView(arena, a), true);
  unrefView(arena, a);
  assertEquals(takeDead(arena, list), []);
  unrefView(arena, a);
  unrefView(arena, b);
  assertEquals([tryRefView(arena, a), tryRefView(arena, b)], [false, false]);
  assertEquals(arena.u32[(a >>> 2) + ViewWord.REFS], 0);
  assertEquals(takeDead(arena, list).toSorted(), [a, b].toSorted());
  assertEquals(takeDead(arena, list), []);
});
