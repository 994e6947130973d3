import { compareViews } from "@guestmem/flatview/machine";
import { liveViews, parseFlatViews, printTree } from "@guestmem/flatview/mtree";
import { VirtualMachine } from "@guestmem/flatview/vm";
import { GuestRam, RamList } from "@guestmem/ramblock";
import { Arena, RcuDomain } from "@guestmem/rcu";
import { assert, assertEquals } from "@std/assert";
import type { MemoryRegionOps } from "@guestmem/flatview";
import { addHartAreas, largestMemory, VirtMachine, WINDOW_BYTES } from "./virt_machine.ts";

const MIB = 2 ** 20;
const NOTHING: MemoryRegionOps = { read: () => 0, write: () => {} };

function build(harts: number, memory: number): VirtMachine {
  const arena = Arena.create({ bytes: 1 << 22 });
  const domain = RcuDomain.create(arena);
  const blocks = new RamList(GuestRam.create(domain, { bytes: WINDOW_BYTES }));
  addHartAreas(blocks, harts);
  const ops = {
    ...{ testFinisher: NOTHING, rtc: NOTHING, software: NOTHING, timer: NOTHING, plic: NOTHING },
    ...{ uart: NOTHING, fwCfgData: NOTHING, fwCfgControl: NOTHING, fwCfgDma: NOTHING },
    flash: [NOTHING, NOTHING] as const,
    pciConfiguration: NOTHING,
  };
  const vm = new VirtualMachine(domain, blocks);
  return new VirtMachine({ vm, blocks, harts, memory, ops });
}

function readText(name: string): string {
  return Deno.readTextFileSync(new URL(`../testdata/${name}`, import.meta.url));
}

/** Blocks of the monitor's text, which come in the order of a hash table. */
function blocksOf(lines: readonly string[]): string[] {
  return lines.join("\n").split("\n\n").map((block) => block.trim()).filter(Boolean).sort();
}

Deno.test("flat views and dispatches are those that QEMU 7.2 prints of its board at reset", () => {
  const printed = parseFlatViews(readText("virt-2-harts.dispatch.txt"));
  const { topology } = build(2, 512 * MIB);
  const { views, dispatchLines, extraViews, differences } = compareViews(
    liveViews(topology, true),
    printed,
  );
  assertEquals(differences, []);
  assertEquals([views.exact, views.total, extraViews], [3, 3, 0]);
  assert(dispatchLines.total > 100);
  assertEquals(dispatchLines.exact, dispatchLines.total);
});

Deno.test("the region tree is the one that QEMU 7.2 prints", () => {
  const { topology } = build(2, 512 * MIB);
  const lines = printTree(topology.addressSpaces);
  assertEquals(blocksOf(lines), blocksOf(readText("virt-2-harts.tree.txt").split("\n")));
});

Deno.test("a machine with other RAM is another one: the comparison sees it", () => {
  const { topology } = build(2, 256 * MIB);
  const printed = parseFlatViews(readText("virt-2-harts.dispatch.txt"));
  assert(compareViews(liveViews(topology, true), printed).differences.length > 0);
});

Deno.test("the largest memory fits beside everything else, with one hart and with eight", () => {
  for (const harts of [1, 8]) build(harts, largestMemory(harts));
});
