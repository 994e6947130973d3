import { assert, assertEquals } from "@std/assert";
import { compareViews } from "@guestmem/flatview/machine";
import { liveViews } from "@guestmem/flatview/mtree";
import { buildOneByOne } from "./build_one_by_one.ts";
import { readMachine } from "./machine_file.ts";
import { createMemory } from "./memory.ts";

/** The machines that the tests of flatview use. */
const RECORDED = new URL("../../flatview/testdata/", import.meta.url);
const MACHINES = Array.from(Deno.readDirSync(RECORDED), ({ name }) => name)
  .filter((name) => name.endsWith(".json.gz")).sort();

for (const name of MACHINES) {
  Deno.test(`${name}: grown a region at a time it ends as QEMU printed it`, async () => {
    const file = new URL(name, RECORDED).pathname;
    const machine = await readMachine(file, { read: (path) => Deno.readFile(path) });
    const memory = createMemory();
    const topology = buildOneByOne(machine, memory);
    assertEquals(compareViews(liveViews(topology, true), machine.views).differences, []);
    memory.domain.barrier();
    const { built, alive, freed } = topology.stats;
    assert(built < 3000, `${built} views were built`);
    assertEquals(
      alive,
      new Set(topology.addressSpaces.map(({ view }) => view)).add(topology.emptyView).size,
    );
    assertEquals(built - freed, alive);
  });
}
