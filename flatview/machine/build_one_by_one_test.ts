import { assert, assertEquals } from "@std/assert";
import { Arena, RcuDomain } from "@guestmem/rcu";
import { liveViews } from "../mtree/live_views.ts";
import { LARGE, MACHINES, readRecorded } from "../testdata/read.ts";
import { buildOneByOne } from "./build_one_by_one.ts";
import { compareViews } from "./compare_views.ts";

for (const name of [...LARGE, ...MACHINES]) {
  Deno.test(`${name}: grown a region at a time it ends as QEMU printed it`, async () => {
    const machine = await readRecorded(name);
    const arena = Arena.create({ bytes: 1 << 27 });
    const domain = RcuDomain.create(arena);
    const { topology } = buildOneByOne(machine, { arena, domain });
    assertEquals(compareViews(liveViews(topology, true), machine.views).differences, []);
    domain.barrier();
    const { built, alive, freed } = topology.stats;
    assert(built < 3000, `${built} views were built`);
    assertEquals(
      alive,
      new Set(topology.addressSpaces.map(({ view }) => view)).add(topology.emptyView).size,
    );
    assertEquals(built - freed, alive);
  });
}
