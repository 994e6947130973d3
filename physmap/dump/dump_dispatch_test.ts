import { Arena } from "@guestmem/rcu";
import { assertEquals } from "@std/assert";
import { PhysMapBuilder } from "../build/phys_map_builder.ts";
import { AddressSpaceDispatch } from "./address_space_dispatch.ts";
import { dumpDispatch } from "./dump_dispatch.ts";
import { readMachines, registerView, type View } from "../testdata/machines.ts";

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

/** The line that says where a map begins. */
function rootLine(builder: PhysMapBuilder): string | undefined {
  const arena = Arena.create({ bytes: 1 << 20 });
  const dispatch = new AddressSpaceDispatch(arena, builder.finish(arena, 1));
  return dumpDispatch(dispatch, { name: String }).find((line) => line.startsWith("    Nodes"));
}

Deno.test("the root's pointer is a number in brackets, even if it is a section or NIL", () => {
  assertEquals(
    rootLine(new PhysMapBuilder({ pageBits: 8 })),
    "    Nodes (9 bits per level, 7 levels) ptr=[67108863] skip=1", // NIL
  );
  const smmu = new PhysMapBuilder({ pageBits: 12 });
  smmu.add(0n, 2n ** 57n - 1n, 0, 7); // one entry of the top level: compaction leads to the section
  assertEquals(rootLine(smmu), "    Nodes (9 bits per level, 6 levels) ptr=[1] skip=0");
});
