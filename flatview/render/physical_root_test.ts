import { assertEquals, assertThrows } from "@std/assert";
import { FlatViewError } from "../errors/flat_view_error.ts";
import { Topology } from "../topology/topology.ts";
import { physicalRoot } from "./physical_root.ts";

const ALL = 2n ** 64n;

Deno.test("goes through aliases that show all of their target", () => {
  const topology = new Topology();
  const target = topology.initIo("target", 0x1000, {});
  const whole = topology.initAlias("whole", 0x1000, target, 0);
  const larger = topology.initAlias("larger", 0x2000, whole, 0);
  larger.setAddress(0x5000); // the alias's own address does not matter
  assertEquals(physicalRoot(larger), target);
  const smaller = topology.initAlias("smaller", 0xfff, target, 0);
  const shifted = topology.initAlias("shifted", 0x1000, target, 1);
  assertEquals([physicalRoot(smaller), physicalRoot(shifted)], [smaller, shifted]);
});

Deno.test("goes into the one enabled child that fits at address 0", () => {
  const topology = new Topology();
  const bus = topology.initContainer("bus", 0x1000);
  assertEquals(physicalRoot(bus), null);
  const child = topology.initIo("child", 0x1000, {});
  const other = topology.initIo("other", 0x10, {});
  bus.addSubregion(0, child);
  assertEquals(physicalRoot(bus), child);
  bus.addSubregion(0, other);
  assertEquals(physicalRoot(bus), bus);
  other.setEnabled(false);
  assertEquals(physicalRoot(bus), child);
  child.setSize(0x1001);
  assertEquals(physicalRoot(bus), bus);
  child.setSize(0x800);
  child.setAddress(1);
  assertEquals(physicalRoot(bus), bus);
  child.setEnabled(false);
  assertEquals(physicalRoot(bus), null);
});

Deno.test("a region that answers accesses is its own physical root; a disabled one has none", () => {
  const topology = new Topology();
  const io = topology.initIo("io", ALL, {});
  io.addSubregion(0, topology.initIo("child", ALL, {}));
  assertEquals(physicalRoot(io), io);
  io.setEnabled(false);
  assertEquals(physicalRoot(io), null);
});

Deno.test("aliases in a circle are an error", () => {
  const topology = new Topology();
  const bus = topology.initContainer("bus", ALL);
  bus.addSubregion(0, topology.initAlias("self", ALL, bus, 0));
  assertThrows(() => physicalRoot(bus), FlatViewError, "circle");
});
