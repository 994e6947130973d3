import { assertEquals } from "@std/assert";
import { Arena, RcuDomain } from "@guestmem/rcu";
import {
  buildMachine,
  compareViews,
  parseMachine,
  printMachine,
  publishMachine,
} from "../machine/mod.ts";
import { MACHINES, readPacked, readRecorded } from "../testdata/read.ts";
import { Topology } from "../topology/topology.ts";
import { liveViews } from "./live_views.ts";
import { parseFlatViews } from "./parse_flat_views.ts";
import { printFlatViews } from "./print_flat_views.ts";
import { printTree } from "./print_tree.ts";

/** QEMU's text of the tree, without the owners that `-o` adds, as blocks. */
function blocks(text: string): string[] {
  const bare = text.split("\n").map((line) => line.replace(/(?: (?:owner|parent):\{.*\})+$/, ""));
  return bare.join("\n").trim().split("\n\n").sort();
}

for (const name of MACHINES) {
  Deno.test(`${name}: the tree prints as QEMU prints it`, async () => {
    const { addressSpaces } = buildMachine(await readRecorded(name), new Topology());
    const printed = printTree(addressSpaces).join("\n");
    assertEquals(blocks(printed), blocks(await readPacked(`${name}.tree.txt`)));
  });

  Deno.test(`${name}: views, sharing and dispatch are QEMU's`, async () => {
    const machine = await readRecorded(name);
    const arena = Arena.create({ bytes: 1 << 24 });
    const { topology } = publishMachine(machine, { arena, domain: RcuDomain.create(arena) });
    const views = liveViews(topology, true);
    assertEquals(compareViews(views, machine.views).differences, []);
    // The text, too: what is printed here reads back as what QEMU printed.
    const text = parseFlatViews(printFlatViews(views).join("\n"));
    const qemu = parseFlatViews(await readPacked(`${name}.dispatch.txt`));
    assertEquals(compareViews(views, text).differences, []);
    assertEquals(compareViews(views, qemu).differences, []);
  });

  Deno.test(`${name}: the JSON form reads back`, async () => {
    const machine = await readRecorded(name);
    assertEquals(parseMachine(printMachine(machine)), machine);
  });
}

Deno.test("a comparison finds a planted difference", async () => {
  const machine = await readRecorded("or1k-or1k-sim");
  const arena = Arena.create({ bytes: 1 << 24 });
  const { topology, regions } = publishMachine(machine, {
    arena,
    domain: RcuDomain.create(arena),
  });
  [...regions.values()].find(({ kind }) => kind === "ram")!.setAddress(0x1000_0000);
  const comparison = compareViews(liveViews(topology, true), machine.views);
  assertEquals(comparison.views.exact < comparison.views.total, true);
  assertEquals(comparison.differences.some((line) => line.startsWith("+  0000000010000000")), true);
});
