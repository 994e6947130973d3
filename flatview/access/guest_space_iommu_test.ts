/** Accesses through IOMMU regions. */

import { assertEquals, assertThrows } from "@std/assert";
import { FlatViewError } from "../errors/flat_view_error.ts";
import type { MemTxAttrs } from "../region/region_ops.ts";
import { MemTxResult } from "./device/mem_tx_result.ts";
import type { IotlbEntry } from "./region_translator.ts";
import { recorder, setUp } from "../testdata/one_machine.ts";

const { OK, DECODE_ERROR } = MemTxResult;

/** A translator from a list of pages. */
function pages(map: Record<number, [translated: number, perm: number, target?: number]>) {
  return {
    translate(address: number | bigint, access: 1 | 2, index: number, answer: IotlbEntry) {
      const page = Number(address) - Number(address) % 0x1000;
      const [translated, perm, target = 7] = map[page + index] ?? [0, 0];
      Object.assign(answer, { target, iova: page, translated, addrMask: 0xfff, perm });
      return (perm & access) !== 0;
    },
  };
}

Deno.test("an access goes through IOMMUs, page by page, with its permission and attributes", () => {
  const { topology, memory, access, system, space } = setUp();
  const at = (ramAddr: bigint) => ({ blockId: 1, ramAddr });
  system.addSubregion(0, topology.initRam("ram", 0x8000, at(0n)));
  const { ops, take } = recorder({}, 0x5a);
  const io = topology.initIo("io", 0x1000, ops);
  access.bind(io.id, ops);
  system.addSubregion(0x9000, io);
  const bus = topology.initContainer("bus", 2n ** 64n);
  const iommu = topology.initIommu("iommu", 2n ** 64n, { translate: () => null as never });
  bus.addSubregion(0, iommu);
  const device = access.attach(topology.createAddressSpace("device", bus).handle);
  assertThrows(() => device.load8(0), FlatViewError, "no translator to IOMMU region");
  access.bindIommu(
    iommu.id,
    pages({ 0: [0x3000, 3], 0x1000: [0x1000, 1], 0x3000: [0x9000, 3], 1: [0x4000, 3] }),
    ({ requesterId = 0 }: MemTxAttrs) => requesterId,
  );
  assertThrows(() => device.load8(0), FlatViewError, "no address space as target");
  access.setTarget(7, space);

  const bytes = Uint8Array.from({ length: 0x10 }, (_, i) => i + 1);
  assertEquals(device.write(0xff8, bytes), DECODE_ERROR); // the second page is readable only
  assertEquals([memory.byte(0x3ff8), memory.byte(0x3fff), memory.byte(0x1000)], [1, 8, 0]);
  memory.setByte(0x1000, 0x99);
  assertEquals(device.load32le(0xffe), 0x0099_0807);
  assertEquals([device.load8(0x2000), device.result], [0, DECODE_ERROR]); // not mapped
  assertEquals([device.load8(0x3004), take()], [0x5a, ["r1@4"]]);
  memory.setByte(0x4010, 0x44);
  assertEquals(device.load8(0x10, { requesterId: 1 }), 0x44);
});

Deno.test("chains of IOMMUs are followed, and an endless one is unassigned", () => {
  const { topology, access, space, system } = setUp();
  system.addSubregion(0, topology.initRam("ram", 0x1000, { blockId: 1, ramAddr: 0n }));
  space.store8(0x10, 0x21);
  const make = (name: string) => {
    const iommu = topology.initIommu(name, 2n ** 64n, { translate: () => null as never });
    return { iommu, space: access.attach(topology.createAddressSpace(name, iommu).handle) };
  };
  const [first, second] = [make("first"), make("second")];
  access.setTarget(1, space);
  access.setTarget(2, second.space);
  access.setTarget(3, first.space);
  access.bindIommu(first.iommu.id, pages({ 0: [0x5000, 3, 2], 0x1000: [0x6000, 3, 2] }));
  access.bindIommu(second.iommu.id, pages({ 0x5000: [0, 3, 1], 0x6000: [0x1000, 3, 3] }));
  assertEquals([first.space.load8(0x10), first.space.result], [0x21, OK]);
  assertEquals([first.space.load8(0x1010), first.space.result], [0, DECODE_ERROR]);
});

Deno.test("a translation says where an access goes, for as long as its section", () => {
  const { topology, reader, system, space } = setUp();
  const ram = topology.initRam("ram", 0x1000, { blockId: 1, ramAddr: 0n });
  system.addSubregion(0x1000, ram);
  const section = reader.lock();
  const found = space.translate(section, 0x1ff0, 0x100, true);
  assertEquals([found.region, found.offset, found.length], [ram.id, 0xff0, 0x10]);
  assertEquals([found.direct, found.space, found.address], [true, "memory", 0x1ff0]);
  const hole = space.translate(section, 0x5000, 0x100, false);
  assertEquals([hole.region, hole.length, hole.direct], [0, 0x100, false]);
  section.unlock();
  assertThrows(() => found.region, FlatViewError, "in which it was made is over");
  assertThrows(() => space.translate(section, 0, 1, false), Error, "section of this guard is over");
});
