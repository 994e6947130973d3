import { assertEquals } from "@std/assert";
import { Arena } from "@guestmem/rcu";
import { VIEW } from "./view_header.ts";
import { takeDead, tryRefView, unrefView } from "./view_refs.ts";

/** A block that looks like a view with one reference. */
function fakeView(arena: Arena, list: number): number {
  const view = arena.allocate(VIEW.size, VIEW.alignment);
  VIEW.refs.set(arena.u32, view, 1);
  VIEW.deadList.set(arena.u32, view, list);
  return view;
}

Deno.test("a count that reached zero stays there, and the view is found dead once (VIEW-G3)", () => {
  const arena = Arena.create({ bytes: 1 << 16 });
  const list = arena.allocate(16);
  const [a, b] = [fakeView(arena, list), fakeView(arena, list)];
  assertEquals(tryRefView(arena, a), true);
  unrefView(arena, a);
  assertEquals(takeDead(arena, list), []);
  unrefView(arena, a);
  unrefView(arena, b);
  assertEquals([tryRefView(arena, a), tryRefView(arena, b)], [false, false]);
  assertEquals(VIEW.refs.get(arena.u32, a), 0);
  assertEquals(takeDead(arena, list).toSorted(), [a, b].toSorted());
  assertEquals(takeDead(arena, list), []);
});
