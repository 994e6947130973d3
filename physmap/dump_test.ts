import { Arena } from "@guestmem/rcu";
import { assertEquals } from "@std/assert";
import { PhysMapBuilder } from "./builder.ts";
import { AddressSpaceDispatch } from "./dispatch.ts";
import { dumpDispatch } from "./dump.ts";
import { readMachines, registerView, type View } from "./testdata/machines.ts";

/** Builds the dispatch of a view and prints it. */
function dump(arena: Arena, builder: PhysMapBuilder, view: View): string[] {
  builder.reset();
  const names = registerView(builder, view);
  const dispatch = new AddressSpaceDispatch(arena, builder.finish(arena, 1));
  const lines = dumpDispatch(dispatch, {
    name: (region) => names[region]!,
    isRoot: (region) => names[region] === view.root,
  });
  arena.free(dispatch.offset);
  return lines;
}

Deno.test("the ranges of real machines give QEMU's sections, nodes, skips and pointers", async () => {
  const arena = Arena.create({ bytes: 16 << 20 });
  let views = 0;
  for (const { machine, pageBits, views: viewsOfMachine } of await readMachines()) {
    const builder = new PhysMapBuilder({ pageBits });
    for (const view of viewsOfMachine) {
      assertEquals(dump(arena, builder, view), view.dispatch, `${machine}, root ${view.root}`);
      views++;
    }
  }
  assertEquals(views, 116);
});

Deno.test("an empty map prints its root as NIL", () => {
  const arena = Arena.create({ bytes: 1 << 16 });
  const dispatch = new AddressSpaceDispatch(
    arena,
    new PhysMapBuilder({ pageBits: 8 }).finish(arena, 1),
  );
  assertEquals(dumpDispatch(dispatch, { name: String }), [
    "  Dispatch",
    "    Physical sections",
    "      #0 @0000000000000000..ffffffffffffffff (noname) [unassigned]",
    "    Nodes (9 bits per level, 7 levels) ptr=NIL skip=1",
  ]);
});
