import { assertEquals, assertThrows } from "@std/assert";
import { FlatViewError } from "../errors/flat_view_error.ts";
import { setUpListening } from "../model/recorder.ts";

Deno.test("finds the first section that meets a part of a region, cut to it", () => {
  const { topology, system, memory } = setUpListening();
  const bus = topology.initContainer("bus", 0x10000);
  const ram = topology.initRam("ram", 0x4000, { blockId: 1, ramAddr: 0n });
  const io = topology.initIo("io", 0x1000, {});
  system.addSubregion(0x10_0000, bus);
  bus.addSubregion(0x1000, ram);
  bus.addSubregionOverlap(0x2000, io, 1);
  const find = (from: number, size: number) => {
    const section = topology.find(bus, from, size);
    if (section === null) return null;
    const { region, offsetWithinRegion, offsetWithinAddressSpace, addressSpace } = section;
    assertEquals(addressSpace, memory);
    return [region, offsetWithinRegion, offsetWithinAddressSpace, section.size];
  };
  assertEquals(find(0, 0x10000), [ram, 0n, 0x10_1000n, 0x1000n]);
  assertEquals(find(0x1800, 0x1000), [ram, 0x800n, 0x10_1800n, 0x800n]);
  assertEquals(find(0x2f00, 0x10000), [io, 0xf00n, 0x10_2f00n, 0x100n]);
  assertEquals(find(0x3000, 1), [ram, 0x2000n, 0x10_3000n, 1n]);
  assertEquals([find(0, 0x1000), find(0x5000, 0x10000), find(0x1000, 0)], [null, null, null]);
  assertEquals(topology.find(io, 0x10, 1)?.region, io);
  assertEquals(topology.find(system, 2n ** 64n - 1n, 2n ** 64n), null);
  const error = assertThrows(() => topology.find(bus, -1, 1), FlatViewError);
  assertEquals(error.code, "INVALID_ADDRESS");
});

Deno.test("finds what is published, and nothing of a tree that no address space has as its root", () => {
  const { topology, system } = setUpListening();
  const io = topology.initIo("io", 0x1000, {});
  const loose = topology.initContainer("loose", 0x1000);
  topology.transaction(() => {
    system.addSubregion(0, io);
    assertEquals(topology.find(system, 0, 1), null);
  });
  assertEquals(topology.find(system, 0, 1)?.region, io);
  loose.addSubregion(0, topology.initAlias("window", 0x1000, io, 0));
  assertEquals(topology.find(loose, 0, 1), null);
});

Deno.test("a container has something at an offset if it shows more than itself there", () => {
  const { topology, system } = setUpListening();
  const slots = topology.initIo("slots", 0x1000, {});
  const device = topology.initIo("device", 0x10, {});
  system.addSubregion(0x1000, slots);
  slots.addSubregion(0x100, device);
  assertEquals([0x0ff, 0x100, 0x10f, 0x110].map((at) => topology.isPresent(slots, at)), [
    ...[false, true, true, false],
  ]);
  device.setEnabled(false);
  assertEquals(topology.isPresent(slots, 0x100), false);
});

Deno.test("a region is mapped once it, or an alias of it, is in a container", () => {
  const { topology, system } = setUpListening();
  const target = topology.initIo("target", 0x1000, {});
  const window = topology.initAlias("window", 0x1000, target, 0);
  const windowOfWindow = topology.initAlias("window of window", 0x1000, window, 0);
  assertEquals([target.isMapped, window.isMapped], [false, false]);
  system.addSubregion(0, windowOfWindow);
  assertEquals([target.isMapped, window.isMapped, windowOfWindow.isMapped], [true, true, true]);
  system.delSubregion(windowOfWindow);
  system.addSubregion(0, target);
  assertEquals([target.isMapped, window.isMapped], [true, false]);
});
